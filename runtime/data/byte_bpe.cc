#include "runtime/data/byte_bpe.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/data/byte_alphabet.h"
#include "runtime/data/utf8.h"
#include "runtime/data/word_cache.h"

namespace perdure {
namespace {

// No vocabulary in use has more; a stray id must not make us allocate for it.
constexpr int32_t kMostIds = 1 << 24;

class ByteBpe : public Tokenizer {
 public:
  explicit ByteBpe(ByteBpeModel model) : model_(std::move(model)) {
    for (size_t id = 0; id < model_.tokens.size(); ++id) {
      if (model_.whole_words_first && !model_.tokens[id].empty()) {
        words_.emplace(model_.tokens[id], static_cast<int32_t>(id));
      }
    }
    // The longest first: the first match is the one to take.
    std::stable_sort(model_.added.begin(), model_.added.end(),
                     [](const auto& a, const auto& b) {
                       return a.first.size() > b.first.size();
                     });
  }

  std::string kind() const override { return "byte_bpe"; }
  int32_t vocab_size() const override {
    return static_cast<int32_t>(model_.tokens.size());
  }
  std::optional<int32_t> eod() const override { return model_.special.eod; }
  std::optional<int32_t> bos() const override { return model_.special.bos; }

  absl::StatusOr<std::vector<int32_t>> Encode(
      absl::string_view text) const override {
    WordCache::Session session(&cache_);
    std::vector<int32_t> ids;
    size_t begin = 0;
    for (size_t at = 0; !model_.added.empty() && at < text.size();) {
      const auto* token = AddedTokenAt(text.substr(at));
      if (token == nullptr) {
        ++at;
        continue;
      }
      RETURN_IF_ERROR(
          EncodePlain(text.substr(begin, at - begin), &session, &ids));
      ids.push_back(token->second);
      begin = at += token->first.size();
    }
    RETURN_IF_ERROR(EncodePlain(text.substr(begin), &session, &ids));
    return ids;
  }

  absl::StatusOr<std::string> Decode(
      const std::vector<int32_t>& ids) const override {
    std::string text;
    for (const int32_t id : ids) {
      if (id < 0 || id >= vocab_size() || model_.tokens[id].empty()) {
        return UnknownId(id, vocab_size());
      }
      text += model_.tokens[id];
    }
    return text;
  }

  absl::Status Save(absl::string_view directory) const override {
    return SaveFiles(directory, model_.files);
  }

 private:
  const std::pair<std::string, int32_t>* AddedTokenAt(
      absl::string_view text) const {
    for (const auto& token : model_.added) {
      if (absl::StartsWith(text, token.first)) return &token;
    }
    return nullptr;
  }

  absl::Status EncodePlain(absl::string_view text, WordCache::Session* session,
                           std::vector<int32_t>* ids) const {
    if (text.empty()) return absl::OkStatus();
    std::string changed;
    if (model_.normalize_nfc) {
      changed = NormalizeNfc(text);
      text = changed;
    }
    if (model_.add_prefix_space && text[0] != ' ') {
      changed = absl::StrCat(" ", text);
      text = changed;
    }
    const auto encode = [this](absl::string_view word,
                               std::vector<int32_t>* out) {
      return EncodeWord(word, out);
    };
    for (size_t at = 0; at < text.size();) {
      const size_t end = WordEnd(model_.pattern, text, at);
      RETURN_IF_ERROR(session->Append(text.substr(at, end - at), encode, ids));
      at = end;
    }
    return absl::OkStatus();
  }

  absl::Status EncodeWord(absl::string_view word,
                          std::vector<int32_t>* ids) const {
    const auto whole = words_.find(word);
    if (whole != words_.end()) {
      ids->push_back(whole->second);
      return absl::OkStatus();
    }
    for (const char c : word) {
      const int32_t id = model_.byte_ids[static_cast<uint8_t>(c)];
      if (id < 0) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "the vocabulary has no token for byte 0x%02x; use a tokenizer with "
            "all 256 bytes",
            static_cast<uint8_t>(c)));
      }
      ids->push_back(id);
    }
    model_.merges.Apply(ids);
    return absl::OkStatus();
  }

  ByteBpeModel model_;
  TokenIds words_;  // only if whole_words_first
  mutable WordCache cache_;
};

}  // namespace

absl::Status AddByteToken(absl::string_view path, int32_t id,
                          absl::string_view bytes, ByteBpeModel* model) {
  if (id < 0 || id >= kMostIds) {
    return BadTokenizer(
        path, absl::StrCat("token \"", bytes, "\" has the impossible id ", id));
  }
  if (id >= static_cast<int32_t>(model->tokens.size())) {
    model->tokens.resize(id + 1);
  }
  if (!model->tokens[id].empty()) {
    return BadTokenizer(
        path, absl::StrCat("id ", id, " is given to \"", bytes, "\" and to \"",
                           model->tokens[id], "\"; get the file anew"));
  }
  model->tokens[id] = std::string(bytes);
  return absl::OkStatus();
}

absl::Status AddByteVocabulary(absl::string_view path, const TokenIds& ids,
                               ByteBpeModel* model) {
  for (const auto& [spelling, id] : ids) {
    // What is not of the byte alphabet was added as it is spelt.
    const auto bytes = FromByteAlphabet(spelling);
    RETURN_IF_ERROR(AddByteToken(path, id, bytes.value_or(spelling), model));
  }
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const auto found = ids.find(ToByteAlphabet(absl::string_view(&c, 1)));
    model->byte_ids[byte] = found == ids.end() ? -1 : found->second;
  }
  return absl::OkStatus();
}

std::unique_ptr<Tokenizer> MakeByteBpe(ByteBpeModel model) {
  return std::make_unique<ByteBpe>(std::move(model));
}

}  // namespace perdure
