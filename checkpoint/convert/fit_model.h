#ifndef PERDURE_CHECKPOINT_CONVERT_FIT_MODEL_H_
#define PERDURE_CHECKPOINT_CONVERT_FIT_MODEL_H_

#include "absl/strings/string_view.h"
#include "checkpoint/convert/apply_rules.h"
#include "runtime/base/status.h"
#include "runtime/config/model.pb.h"

namespace perdure {

// Checks that the tensors, under canonical names, are the model's parameters,
// and gives flat ones their shape. Otherwise one FailedPrecondition, after
// `where`, lists every tensor that the model does not have (with the nearest
// names), that has another shape or no dtype to compute with, and every weight
// that is needed and not there.
absl::Status FitToModel(const ModelConfig& model, absl::string_view where,
                        std::vector<ConvertedTensor>* tensors);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_FIT_MODEL_H_
