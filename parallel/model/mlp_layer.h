#ifndef PERDURE_PARALLEL_MODEL_MLP_LAYER_H_
#define PERDURE_PARALLEL_MODEL_MLP_LAYER_H_

// The feed-forward layer up to its output projection: column-parallel first
// product and activation, plain (gpt2, opt) or gated (llama).

#include "parallel/model/context.h"
#include "parallel/model/linear.h"
#include "parallel/model/residual.h"
#include "runtime/kernels/activation.h"
#include "runtime/tensor/tensor.h"

namespace perdure {

struct MlpActivations {
  Tensor up;   // [N, F] before the activation; gated: [N, 2F], gate then up
  Tensor out;  // [N, F]
};

class MlpLayer {
 public:
  MlpLayer() = default;
  MlpLayer(const ModelContext* context, int block, Scratch* scratch);

  MlpActivations MakeActivations() const;
  void Forward(ConstMatrixView x, MlpActivations* activations) const;
  absl::StatusOr<ConstMatrixView> Backward(const MicroBatch& micro,
                                           ConstMatrixView x,
                                           const MlpActivations& activations,
                                           ConstMatrixView dout);
  int64_t width() const { return width_; }
  int64_t up_width() const { return up_.outputs(); }

 private:
  const ModelContext* context_ = nullptr;
  Scratch* scratch_ = nullptr;
  Linear up_;
  bool gated_ = false;
  kernels::Activation activation_ = kernels::Activation::kGeluTanh;
  int64_t width_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_MLP_LAYER_H_
