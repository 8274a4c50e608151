#ifndef PERDURE_CHECKPOINT_FORMAT_STATE_READER_H_
#define PERDURE_CHECKPOINT_FORMAT_STATE_READER_H_

// Requests for runs of tensors, answered from block files.

#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/format/block_file.h"
#include "checkpoint/format/tensor_index.h"
#include "runtime/base/status.h"
#include "runtime/state/train_state.h"

namespace perdure {

// What requests need of each of `files` files that the index counts. Errors of
// TensorIndex::Resolve.
absl::StatusOr<std::vector<std::vector<Fetch>>> FetchesOf(
    const std::vector<StateRequest>& requests, const TensorIndex& index,
    size_t files, absl::string_view where);

// `files` are those that the index counts. `where` names the directory in
// messages. Reads each needed block once, file by file. On failure the targets
// are partly written.
absl::Status ReadState(const std::vector<StateRequest>& requests,
                       const TensorIndex& index,
                       const std::vector<BlockFile>& files,
                       absl::string_view where);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_STATE_READER_H_
