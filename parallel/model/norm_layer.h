#ifndef PERDURE_PARALLEL_MODEL_NORM_LAYER_H_
#define PERDURE_PARALLEL_MODEL_NORM_LAYER_H_

// The normalisation of the model's family: LayerNorm (gpt2, opt) or RMSNorm
// (llama).

#include "parallel/model/context.h"
#include "runtime/tensor/tensor.h"

namespace perdure {

// Statistics of the rows, kept for the backward pass.
struct NormStats {
  Tensor mean;  // [1, N]; empty for RMSNorm
  Tensor rstd;  // [1, N]
};

class NormLayer {
 public:
  NormLayer() = default;
  NormLayer(const ModelContext* context, int block, ParamRole weight,
            ParamRole bias);

  NormStats MakeStats() const;
  // y [N, D] in the compute dtype; stats nullptr: not wanted.
  void Forward(ConstMatrixView x, MatrixView y, NormStats* stats) const;
  // dx [N, D] fp32 += gradient.
  void Backward(ConstMatrixView dy, ConstMatrixView x, const NormStats& stats,
                MatrixView dx) const;

 private:
  const ModelContext* context_ = nullptr;
  bool rms_ = false;
  int block_ = 0;
  ParamRole weight_ = ParamRole::kNorm1Weight;
  ParamRole bias_ = ParamRole::kNorm1Bias;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_NORM_LAYER_H_
