#ifndef PERDURE_RUNTIME_DATA_WORD_CACHE_H_
#define PERDURE_RUNTIME_DATA_WORD_CACHE_H_

// Words that were encoded before. Text repeats its words, so nearly all merging
// is saved. Bounded; any thread.

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

class WordCache {
 public:
  using Words = absl::flat_hash_map<std::string, std::vector<int32_t>>;
  using EncodeWord =
      absl::FunctionRef<absl::Status(absl::string_view, std::vector<int32_t>*)>;

  // What one call of Encode works with: the shared words, or, while another
  // thread has them, its own.
  class Session {
   public:
    explicit Session(WordCache* cache);
    // Appends the ids of `word`, made by `encode` if they are not known yet.
    absl::Status Append(absl::string_view word, EncodeWord encode,
                        std::vector<int32_t>* ids);

   private:
    std::unique_lock<std::mutex> lock_;
    Words own_;
    Words* words_;
  };

 private:
  std::mutex mutex_;
  Words words_;  // guarded by mutex_
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_WORD_CACHE_H_
