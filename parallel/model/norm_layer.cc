#include "parallel/model/norm_layer.h"

#include "runtime/kernels/norm.h"

namespace perdure {

NormLayer::NormLayer(const ModelContext* context, int block, ParamRole weight,
                     ParamRole bias)
    : context_(context),
      rms_(context->model->family() == "llama"),
      block_(block),
      weight_(weight),
      bias_(bias) {}

NormStats NormLayer::MakeStats() const {
  NormStats stats;
  if (!rms_) {
    stats.mean = Tensor(*context_->device, DType::kF32, 1, context_->max_rows);
  }
  stats.rstd = Tensor(*context_->device, DType::kF32, 1, context_->max_rows);
  return stats;
}

void NormLayer::Forward(ConstMatrixView x, MatrixView y,
                        NormStats* stats) const {
  const float eps = static_cast<float>(context_->model->norm_eps());
  const float* weight = context_->params->Vector(block_, weight_);
  float* rstd = stats == nullptr ? nullptr : stats->rstd.data<float>();
  if (rms_) {
    kernels::RmsNormForward(context_->stream, x, weight, eps, y, rstd);
  } else {
    float* mean = stats == nullptr ? nullptr : stats->mean.data<float>();
    kernels::LayerNormForward(context_->stream, x, weight,
                              context_->params->Vector(block_, bias_), eps, y,
                              mean, rstd);
  }
}

void NormLayer::Backward(ConstMatrixView dy, ConstMatrixView x,
                         const NormStats& stats, MatrixView dx) const {
  const ParamStore& params = *context_->params;
  const float* weight = params.Vector(block_, weight_);
  float* dweight = params.VectorGrad(block_, weight_);
  if (rms_) {
    kernels::RmsNormBackward(context_->stream, dy, x, weight,
                             stats.rstd.data<float>(), dx, dweight);
  } else {
    kernels::LayerNormBackward(context_->stream, dy, x, weight,
                               stats.mean.data<float>(),
                               stats.rstd.data<float>(), dx, dweight,
                               params.VectorGrad(block_, bias_));
  }
}

}  // namespace perdure
