// Reading llama2.c's tokenizer.bin (its tokenizer.py writes it).

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/data/sentence_bpe.h"

namespace perdure {
namespace {

constexpr int32_t kUnknown = 0;
constexpr int32_t kBos = 1;
constexpr int32_t kEos = 2;
constexpr int32_t kFirstByte = 3;
constexpr int32_t kFirstPlain = kFirstByte + 256;

struct ScoredTokens {
  std::vector<std::string> tokens;
  std::vector<float> scores;
};

absl::StatusOr<ScoredTokens> ParseTokens(absl::string_view path,
                                         absl::string_view content) {
  int32_t longest = 0;
  if (content.size() >= sizeof(longest)) {
    std::memcpy(&longest, content.data(), sizeof(longest));
  }
  ScoredTokens result;
  size_t at = sizeof(longest);
  while (at < content.size()) {
    float score = 0;
    int32_t length = -1;
    if (content.size() - at >= sizeof(score) + sizeof(length)) {
      std::memcpy(&score, content.data() + at, sizeof(score));
      std::memcpy(&length, content.data() + at + sizeof(score), sizeof(length));
      at += sizeof(score) + sizeof(length);
    }
    if (length < 0 || static_cast<size_t>(length) > content.size() - at ||
        !std::isfinite(score)) {
      return BadTokenizer(
          path, absl::StrCat("token ", result.tokens.size(), " at byte ", at,
                             " of ", content.size(),
                             " is cut or damaged; expected llama2.c's "
                             "tokenizer.bin, copy it anew"));
    }
    result.tokens.emplace_back(content.substr(at, length));
    result.scores.push_back(score);
    at += length;
  }
  if (result.tokens.size() < static_cast<size_t>(kFirstPlain)) {
    return BadTokenizer(path, absl::StrCat("only ", result.tokens.size(),
                                           " tokens; llama2.c's tokenizer.bin "
                                           "has 259 before the first word"));
  }
  return result;
}

// llama2.c merges the neighbours whose joint text has the best score. The same
// as a table: each way to cut a token into two tokens, ranked by its score;
// equal scores share a rank, so that the leftmost merges first.
void FillMerges(const std::vector<float>& scores, SentenceBpeModel* model) {
  std::vector<float> ordered = scores;
  std::sort(ordered.begin(), ordered.end(), std::greater<float>());
  ordered.erase(std::unique(ordered.begin(), ordered.end()), ordered.end());
  const TokenIds plain = PlainTokens(*model);
  for (const auto& [text, id] : plain) {
    const auto rank = static_cast<int32_t>(
        std::lower_bound(ordered.begin(), ordered.end(), scores[id],
                         std::greater<float>()) -
        ordered.begin());
    for (size_t cut = 1; cut < text.size(); ++cut) {
      const auto left = plain.find(absl::string_view(text).substr(0, cut));
      const auto right = plain.find(absl::string_view(text).substr(cut));
      if (left != plain.end() && right != plain.end()) {
        model->merges.Add(left->second, right->second, {rank, id});
      }
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadLlama2cTokenizer(
    absl::string_view path) {
  ASSIGN_OR_RETURN(std::string content, ReadFile(path));
  ASSIGN_OR_RETURN(ScoredTokens scored, ParseTokens(path, content));
  SentenceBpeModel model;
  model.kind = "llama2c";
  model.tokens = std::move(scored.tokens);
  model.control.resize(model.tokens.size());
  for (const int32_t id : {kUnknown, kBos, kEos}) model.control[id] = true;
  for (int byte = 0; byte < 256; ++byte) {
    model.byte_ids[byte] = kFirstByte + byte;
  }
  FillMerges(scored.scores, &model);
  model.special = {kBos, kEos};
  model.files.push_back({"tokenizer.bin", std::move(content)});
  return MakeSentenceBpe(std::move(model));
}

}  // namespace perdure
