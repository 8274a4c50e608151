#ifndef PERDURE_CHECKPOINT_CONVERT_NANOGPT_H_
#define PERDURE_CHECKPOINT_CONVERT_NANOGPT_H_

// nanoGPT's ckpt.pt says its model in "model_args".

#include <string>
#include <vector>

#include "checkpoint/convert/apply_rules.h"
#include "checkpoint/foreign/tensor_source.h"
#include "runtime/base/status.h"
#include "runtime/config/model.pb.h"

namespace perdure {

bool IsNanoGpt(const TensorSource& source);

// Trained with bias = False.
bool LacksNanoGptBiases(const TensorSource& source);

// FailedPrecondition for arguments that are missing.
absl::StatusOr<ModelConfig> NanoGptModel(const TensorSource& source);

// Zeros for the biases that are not there: the same function, by a model that
// has them. Returns a note for people.
std::string AddNanoGptBiases(const ModelConfig& model,
                             std::vector<ConvertedTensor>* tensors);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_NANOGPT_H_
