#ifndef PERDURE_RUNTIME_DATA_SPLIT_H_
#define PERDURE_RUNTIME_DATA_SPLIT_H_

// The token files of one split, opened and checked.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/config/data.pb.h"
#include "runtime/data/dataset.h"
#include "runtime/data/token_file.h"

namespace perdure {

// Tokens [begin, end) of a file.
struct SplitFile {
  std::unique_ptr<TokenFile> file;
  int64_t begin = 0;
  int64_t end = 0;
  // Marks document starts where the file has no index.
  std::optional<int32_t> eod;
  int64_t tokens() const { return end - begin; }
};

// FailedPrecondition where a file has ids >= vocab_size, or document boundaries
// are needed and neither the file nor a tokenizer tells them.
absl::StatusOr<std::vector<SplitFile>> OpenSplit(const DataConfig& config,
                                                 Split split,
                                                 int32_t vocab_size);

// "data.train" or "data.val".
const char* SplitKey(Split split);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_SPLIT_H_
