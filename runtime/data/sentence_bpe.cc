#include "runtime/data/sentence_bpe.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "runtime/data/utf8.h"
#include "runtime/data/word_cache.h"

namespace perdure {
namespace {

constexpr char kUnderline[] = "\xE2\x96\x81";  // U+2581

class SentenceBpe : public Tokenizer {
 public:
  explicit SentenceBpe(SentenceBpeModel model)
      : model_(std::move(model)), plain_(PlainTokens(model_)) {
    for (int byte = 0; byte < 256; ++byte) {
      byte_of_[model_.byte_ids[byte]] = static_cast<char>(byte);
    }
    // If a space is only ever at the front of a token, no merge crosses from a
    // word into the space behind it: words can be encoded, and remembered, one
    // by one with the same result.
    for (const auto& [token, id] : plain_) {
      words_are_independent_ &= WordEnd(token, 0) == token.size();
    }
  }

  std::string kind() const override { return model_.kind; }
  int32_t vocab_size() const override {
    return static_cast<int32_t>(model_.tokens.size());
  }
  std::optional<int32_t> eod() const override { return model_.special.eod; }
  std::optional<int32_t> bos() const override { return model_.special.bos; }

  absl::StatusOr<std::vector<int32_t>> Encode(
      absl::string_view text) const override {
    std::vector<int32_t> ids;
    if (text.empty()) return ids;
    std::string changed(text);
    if (model_.underline_is_space) {
      absl::StrReplaceAll({{kUnderline, " "}}, &changed);
    }
    if (model_.dummy_prefix == DummyPrefix::kAlways ||
        (model_.dummy_prefix == DummyPrefix::kUnlessSpace &&
         changed[0] != ' ')) {
      changed.insert(changed.begin(), ' ');
    }
    text = changed;
    WordCache::Session session(&cache_);
    const auto encode = [this](absl::string_view word,
                               std::vector<int32_t>* out) {
      EncodeWord(word, out);
      return absl::OkStatus();
    };
    for (size_t at = 0; at < text.size();) {
      const size_t end =
          words_are_independent_ ? WordEnd(text, at) : text.size();
      RETURN_IF_ERROR(session.Append(text.substr(at, end - at), encode, &ids));
      at = end;
    }
    return ids;
  }

  absl::StatusOr<std::string> Decode(
      const std::vector<int32_t>& ids) const override {
    std::string text;
    bool after_bos = false;
    for (const int32_t id : ids) {
      if (id < 0 || id >= vocab_size()) return UnknownId(id, vocab_size());
      const auto byte = byte_of_.find(id);
      if (byte != byte_of_.end()) {
        text += byte->second;
      } else if (!model_.control[id]) {
        absl::string_view token = model_.tokens[id];
        if (after_bos && model_.dummy_prefix != DummyPrefix::kNone &&
            !token.empty() && token[0] == ' ') {
          token.remove_prefix(1);
        }
        text.append(token.data(), token.size());
      }
      after_bos = model_.special.bos == id;
    }
    return text;
  }

  absl::Status Save(absl::string_view directory) const override {
    return SaveFiles(directory, model_.files);
  }

 private:
  // The end of the word at `begin`: spaces, then others up to the next space.
  static size_t WordEnd(absl::string_view text, size_t begin) {
    size_t end = text.find_first_not_of(' ', begin);
    if (end != absl::string_view::npos) end = text.find(' ', end);
    return end == absl::string_view::npos ? text.size() : end;
  }

  void EncodeWord(absl::string_view word, std::vector<int32_t>* ids) const {
    for (size_t at = 0; at < word.size();) {
      const CodePoint next = NextCodePoint(word, at);
      const absl::string_view character = word.substr(at, next.length);
      const auto found = plain_.find(character);
      if (found != plain_.end()) {
        ids->push_back(found->second);
      } else {
        for (const char byte : character) {
          ids->push_back(model_.byte_ids[static_cast<uint8_t>(byte)]);
        }
      }
      at += next.length;
    }
    model_.merges.Apply(ids);
  }

  SentenceBpeModel model_;
  TokenIds plain_;
  absl::flat_hash_map<int32_t, char> byte_of_;
  bool words_are_independent_ = true;
  mutable WordCache cache_;
};

}  // namespace

TokenIds PlainTokens(const SentenceBpeModel& model) {
  std::vector<bool> other = model.control;
  for (const int32_t id : model.byte_ids) other[id] = true;
  TokenIds ids;
  for (size_t id = 0; id < model.tokens.size(); ++id) {
    // Of two tokens with the same text the first counts.
    if (!other[id]) ids.try_emplace(model.tokens[id], static_cast<int32_t>(id));
  }
  return ids;
}

std::unique_ptr<Tokenizer> MakeSentenceBpe(SentenceBpeModel model) {
  return std::make_unique<SentenceBpe>(std::move(model));
}

}  // namespace perdure
