#include "runtime/data/tokenizer_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "runtime/base/file.h"
#include "runtime/data/byte_bpe.h"
#include "runtime/data/sentence_bpe.h"

namespace perdure {
namespace {

using Json = nlohmann::json;

constexpr char kUnderline[] = "\xE2\x96\x81";  // U+2581, a space in Llama's way

// The parts of a tokenizer.json. `at` and `get` throw what Json throws; only
// LoadTokenizerJson catches.
struct Source {
  std::string path;
  std::string content;
  Json json;
  TokenIds vocab;  // as spelt
  TokenIds all;    // with the added tokens
  SpecialTokenConfig config;
};

absl::Status NotSupported(const Source& source, absl::string_view part,
                          const Json& value) {
  return BadTokenizer(
      source.path,
      absl::StrCat(part, " ", value.dump().substr(0, 200),
                   " is not supported; known are byte-level BPE with the word "
                   "patterns of GPT-2, Llama 3 and Qwen 2, and BPE with byte "
                   "fallback (Llama 2)"));
}

// A copy (the parts are small), or null.
Json Part(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() ? Json() : *found;
}

std::string TypeOf(const Json& part) {
  return part.is_null() ? "" : part.at("type").get<std::string>();
}

bool Flag(const Json& part, const char* key, bool if_missing) {
  const Json value = Part(part, key);
  return value.is_null() ? if_missing : value.get<bool>();
}

// A Sequence's members, in whatever list its kind keeps them, or the part
// itself.
std::vector<Json> Steps(const Json& part) {
  if (part.is_null()) return {};
  if (TypeOf(part) != "Sequence") return {part};
  for (const char* list : {"normalizers", "pretokenizers", "processors"}) {
    if (part.contains(list)) return part.at(list).get<std::vector<Json>>();
  }
  return {part};
}

// Merges are "a b" or, in newer files, ["a", "b"].
absl::Status ReadMerges(const Source& source, MergeTable* merges) {
  for (const Json& merge : source.json.at("model").at("merges")) {
    std::string left, right;
    if (merge.is_array()) {
      left = merge.at(0).get<std::string>();
      right = merge.at(1).get<std::string>();
    } else {
      const auto text = merge.get<std::string>();
      const size_t space = text.find(' ');
      left = text.substr(0, space);
      if (space != std::string::npos) right = text.substr(space + 1);
    }
    RETURN_IF_ERROR(AddMerge(source.path, left, right, source.vocab, merges));
  }
  return absl::OkStatus();
}

// The token that the post-processor puts before a text.
std::optional<std::string> TemplateBos(const Json& json) {
  for (const Json& step : Steps(Part(json, "post_processor"))) {
    if (TypeOf(step) == "TemplateProcessing" && !step.at("single").empty() &&
        step.at("single").at(0).contains("SpecialToken")) {
      return step.at("single").at(0).at("SpecialToken").at("id");
    }
    if (TypeOf(step) == "RobertaProcessing") {
      return step.at("cls").at(0).get<std::string>();
    }
  }
  return std::nullopt;
}

std::vector<NamedFile> FilesToSave(Source* source) {
  std::vector<NamedFile> files = std::move(source->config.files);
  files.push_back({"tokenizer.json", std::move(source->content)});
  return files;
}

absl::Status ReadByteSteps(const Source& source, ByteBpeModel* model) {
  for (const Json& step : Steps(Part(source.json, "normalizer"))) {
    if (TypeOf(step) != "NFC") return NotSupported(source, "normalizer", step);
    model->normalize_nfc = true;
  }
  bool has_pattern = false;
  for (const Json& step : Steps(Part(source.json, "pre_tokenizer"))) {
    if (TypeOf(step) == "Split" && step.at("pattern").contains("Regex") &&
        step.at("behavior") == "Isolated" && !Flag(step, "invert", false)) {
      const auto regex = step.at("pattern").at("Regex").get<std::string>();
      const auto pattern = FindWordPattern(regex);
      if (!pattern.has_value() || has_pattern) {
        return NotSupported(source, "pre_tokenizer", step);
      }
      model->pattern = *pattern;
      has_pattern = true;
    } else if (TypeOf(step) == "ByteLevel") {
      model->add_prefix_space = Flag(step, "add_prefix_space", true);
      if (Flag(step, "use_regex", true) == has_pattern) {
        return NotSupported(source, "pre_tokenizer", step);
      }
    } else {
      return NotSupported(source, "pre_tokenizer", step);
    }
  }
  return absl::OkStatus();
}

absl::Status AddByteTokens(const Source& source, ByteBpeModel* model) {
  // Added tokens are spelt as they are, also those in the vocabulary.
  for (const Json& token : Part(source.json, "added_tokens")) {
    const auto content = token.at("content").get<std::string>();
    const auto id = token.at("id").get<int32_t>();
    const auto known = source.vocab.find(content);
    if (known != source.vocab.end() && known->second != id) {
      return NotSupported(source, "added token", token);
    }
    if (known == source.vocab.end()) {
      RETURN_IF_ERROR(AddByteToken(source.path, id, content, model));
    }
    model->tokens[id] = content;
    if (Flag(token, "special", false)) continue;
    if (Flag(token, "lstrip", false) || Flag(token, "rstrip", false) ||
        Flag(token, "single_word", false)) {
      return NotSupported(source, "added token", token);
    }
    model->added.emplace_back(content, id);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Tokenizer>> MakeByteLevel(Source source) {
  ByteBpeModel model;
  RETURN_IF_ERROR(ReadByteSteps(source, &model));
  RETURN_IF_ERROR(AddByteVocabulary(source.path, source.vocab, &model));
  RETURN_IF_ERROR(AddByteTokens(source, &model));
  RETURN_IF_ERROR(ReadMerges(source, &model.merges));
  model.whole_words_first =
      Flag(source.json.at("model"), "ignore_merges", false);
  model.special =
      ResolveSpecialIds(source.config, TemplateBos(source.json), source.all);
  model.files = FilesToSave(&source);
  return MakeByteBpe(std::move(model));
}

// Spaces become U+2581 in the normalizer, or in a pre-tokenizer that does not
// split.
absl::Status ReadSentenceSteps(const Source& source, SentenceBpeModel* model) {
  model->dummy_prefix = DummyPrefix::kNone;
  for (const Json& step : Steps(Part(source.json, "normalizer"))) {
    if (TypeOf(step) == "Prepend" && step.at("prepend") == kUnderline) {
      model->dummy_prefix = DummyPrefix::kAlways;
    } else if (TypeOf(step) == "Replace" &&
               step.at("pattern") == Json{{"String", " "}} &&
               step.at("content") == kUnderline) {
      model->underline_is_space = true;
    } else {
      return NotSupported(source, "normalizer", step);
    }
  }
  for (const Json& step : Steps(Part(source.json, "pre_tokenizer"))) {
    if (TypeOf(step) != "Metaspace" || Flag(step, "split", true) ||
        step.at("replacement") != kUnderline) {
      return NotSupported(source, "pre_tokenizer", step);
    }
    model->underline_is_space = true;
    if (Part(step, "prepend_scheme") != "never") {
      model->dummy_prefix = DummyPrefix::kUnlessSpace;
    }
  }
  if (!model->underline_is_space) {
    return NotSupported(source, "normalizer", Part(source.json, "normalizer"));
  }
  return absl::OkStatus();
}

absl::Status FillSentenceVocabulary(const Source& source,
                                    SentenceBpeModel* model) {
  for (const auto& [spelling, id] : source.all) {
    if (id < 0 || id >= 1 << 24) {
      return BadTokenizer(source.path, absl::StrCat("token \"", spelling,
                                                    "\" has the id ", id));
    }
    if (id >= static_cast<int32_t>(model->tokens.size())) {
      model->tokens.resize(id + 1);
      model->control.resize(id + 1, true);  // ids without a token stay so
    }
    model->tokens[id] = absl::StrReplaceAll(spelling, {{kUnderline, " "}});
    model->control[id] = false;
  }
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = source.vocab.find(absl::StrFormat("<0x%02X>", byte));
    if (found == source.vocab.end()) {
      return BadTokenizer(
          source.path,
          absl::StrFormat("byte fallback without the token <0x%02X>", byte));
    }
    model->byte_ids[byte] = found->second;
  }
  for (const Json& token : Part(source.json, "added_tokens")) {
    if (!Flag(token, "special", false)) {
      return NotSupported(source, "added token", token);
    }
    model->control[token.at("id").get<int32_t>()] = true;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Tokenizer>> MakeSentencePiece(Source source) {
  SentenceBpeModel model;
  model.kind = "sentencepiece_bpe";
  RETURN_IF_ERROR(ReadSentenceSteps(source, &model));
  RETURN_IF_ERROR(FillSentenceVocabulary(source, &model));
  RETURN_IF_ERROR(ReadMerges(source, &model.merges));
  model.special =
      ResolveSpecialIds(source.config, TemplateBos(source.json), source.all);
  model.files = FilesToSave(&source);
  return MakeSentenceBpe(std::move(model));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> Make(Source source) {
  const Json& model = source.json.at("model");
  if (TypeOf(model) != "BPE") {
    return NotSupported(source, "model type", Part(model, "type"));
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Json value = Part(model, key);
    if (!value.is_null() && value != "") {
      return NotSupported(source, key, value);
    }
  }
  source.vocab = model.at("vocab").get<TokenIds>();
  source.all = source.vocab;
  for (const Json& token : Part(source.json, "added_tokens")) {
    source.all[token.at("content").get<std::string>()] = token.at("id");
  }
  bool byte_level = false;
  for (const Json& step : Steps(Part(source.json, "pre_tokenizer"))) {
    byte_level |= TypeOf(step) == "ByteLevel";
  }
  if (byte_level) return MakeByteLevel(std::move(source));
  if (Flag(model, "byte_fallback", false)) {
    return MakeSentencePiece(std::move(source));
  }
  return NotSupported(source, "pre_tokenizer",
                      Part(source.json, "pre_tokenizer"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizerJson(
    absl::string_view path) {
  Source source;
  source.path = std::string(path);
  ASSIGN_OR_RETURN(source.content, ReadFile(path));
  ASSIGN_OR_RETURN(source.config, ReadSpecialTokenConfig(FolderOf(path)));
  try {
    source.json = Json::parse(source.content);
    return Make(std::move(source));
  } catch (const Json::exception& error) {
    return BadTokenizer(path,
                        absl::StrCat("not a tokenizer.json: ", error.what()));
  }
}

}  // namespace perdure
