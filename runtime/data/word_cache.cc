#include "runtime/data/word_cache.h"

#include <utility>

namespace perdure {
namespace {

constexpr size_t kMostWords = 1 << 18;  // about 30 MB
constexpr size_t kLongestWord = 64;     // longer ones hardly come twice

}  // namespace

WordCache::Session::Session(WordCache* cache)
    : lock_(cache->mutex_, std::try_to_lock),
      words_(lock_.owns_lock() ? &cache->words_ : &own_) {}

absl::Status WordCache::Session::Append(absl::string_view word,
                                        EncodeWord encode,
                                        std::vector<int32_t>* ids) {
  const auto found = words_->find(word);
  if (found != words_->end()) {
    ids->insert(ids->end(), found->second.begin(), found->second.end());
    return absl::OkStatus();
  }
  std::vector<int32_t> encoded;
  RETURN_IF_ERROR(encode(word, &encoded));
  ids->insert(ids->end(), encoded.begin(), encoded.end());
  if (word.size() <= kLongestWord) {
    // To start anew is cheaper than to keep count of what is used.
    if (words_->size() >= kMostWords) words_->clear();
    words_->emplace(std::string(word), std::move(encoded));
  }
  return absl::OkStatus();
}

}  // namespace perdure
