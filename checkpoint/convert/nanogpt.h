#ifndef PERDURE_CHECKPOINT_CONVERT_NANOGPT_H_
#define PERDURE_CHECKPOINT_CONVERT_NANOGPT_H_

// nanoGPT's ckpt.pt says its model in "model_args".

#include "checkpoint/foreign/tensor_source.h"
#include "runtime/base/status.h"
#include "runtime/config/model.pb.h"

namespace perdure {

bool IsNanoGpt(const TensorSource& source);

// FailedPrecondition for a model without biases, which gpt2 here has, and for
// arguments that are missing.
absl::StatusOr<ModelConfig> NanoGptModel(const TensorSource& source);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_NANOGPT_H_
