#ifndef PERDURE_CHECKPOINT_CONVERT_WEIGHT_MATCH_H_
#define PERDURE_CHECKPOINT_CONVERT_WEIGHT_MATCH_H_

// Which parameter a tensor of a Hugging Face file is.

#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/convert/weight_files.h"
#include "checkpoint/format/tensor_index.h"
#include "runtime/base/status.h"
#include "runtime/config/model.pb.h"

namespace perdure {

// The model's parameters among the tensors of the files, under canonical names;
// the head of a tied model as an alias, wherever the file keeps the one copy.
// Buffers are left out. Otherwise one FailedPrecondition with every tensor that
// the model does not have or that has another shape or no dtype to compute
// with, and every parameter that is in no file.
absl::StatusOr<TensorIndex> MatchWeights(const std::vector<WeightFile>& files,
                                         const ModelConfig& model,
                                         absl::string_view dir);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_WEIGHT_MATCH_H_
