// The two files of GPT-2's tokenizer, under OpenAI's names or Hugging Face's.

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/data/byte_bpe.h"

namespace perdure {
namespace {

absl::StatusOr<TokenIds> ParseVocabulary(absl::string_view path,
                                         const std::string& content) {
  const auto json = nlohmann::json::parse(content, nullptr,
                                          /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return BadTokenizer(path, "not a JSON object of tokens and ids");
  }
  TokenIds ids;
  for (const auto& [token, id] : json.items()) {
    if (!id.is_number_integer()) {
      return BadTokenizer(path, absl::StrCat("token \"", token, "\" has ",
                                             id.dump(), " for an id"));
    }
    ids[token] = id.get<int32_t>();
  }
  return ids;
}

// Lines "left right" after an optional "#version" line.
absl::Status ParseMerges(absl::string_view path, absl::string_view content,
                         const TokenIds& ids, MergeTable* merges) {
  bool first = true;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    const bool header = first && absl::StartsWith(line, "#version");
    first = false;
    if (absl::EndsWith(line, "\r")) line.remove_suffix(1);
    if (header || line.empty()) continue;
    const std::vector<absl::string_view> pair = absl::StrSplit(line, ' ');
    if (pair.size() != 2) {
      return BadTokenizer(
          path, absl::StrCat("merge line \"", line, "\" is not two tokens"));
    }
    RETURN_IF_ERROR(AddMerge(path, pair[0], pair[1], ids, merges));
  }
  return absl::OkStatus();
}

// OPT shares GPT-2's merges but not its order of ids; its models were trained
// on </s> before and after each document.
bool HasOptOrder(const TokenIds& ids) {
  const auto is = [&](const char* token, int32_t id) {
    const auto found = ids.find(token);
    return found != ids.end() && found->second == id;
  };
  return is("<s>", 0) && is("<pad>", 1) && is("</s>", 2) && is("<unk>", 3);
}

constexpr char kOptSpecialTokensMap[] =
    R"({"bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}
)";
constexpr char kOptTokenizerConfig[] =
    R"({"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "add_prefix_space": false, "bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}
)";

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadGpt2Files(
    absl::string_view vocab_path, absl::string_view merges_path) {
  ASSIGN_OR_RETURN(std::string vocab, ReadFile(vocab_path));
  ASSIGN_OR_RETURN(std::string merges, ReadFile(merges_path));
  ASSIGN_OR_RETURN(const TokenIds ids, ParseVocabulary(vocab_path, vocab));
  ASSIGN_OR_RETURN(SpecialTokenConfig config,
                   ReadSpecialTokenConfig(FolderOf(vocab_path)));
  ByteBpeModel model;
  RETURN_IF_ERROR(AddByteVocabulary(vocab_path, ids, &model));
  RETURN_IF_ERROR(ParseMerges(merges_path, merges, ids, &model.merges));

  std::optional<std::string> default_bos;
  if (HasOptOrder(ids)) {
    default_bos = "</s>";
    // Without these transformers would take <|endoftext|> for all of them.
    if (config.files.empty()) {
      config.files = {{"special_tokens_map.json", kOptSpecialTokensMap},
                      {"tokenizer_config.json", kOptTokenizerConfig}};
    }
  }
  model.special = ResolveSpecialIds(config, default_bos, ids);
  // Hugging Face's names, whatever they were read from.
  model.files = std::move(config.files);
  model.files.push_back({"vocab.json", std::move(vocab)});
  model.files.push_back({"merges.txt", std::move(merges)});
  return MakeByteBpe(std::move(model));
}

}  // namespace perdure
