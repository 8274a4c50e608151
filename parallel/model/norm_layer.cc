#include "parallel/model/norm_layer.h"

#include "runtime/kernels/norm.h"

namespace perdure {

NormLayer::NormLayer(const ModelContext* context, int block, ParamRole weight,
                     ParamRole bias)
    : context_(context),
      rms_(context->model->family() == "llama"),
      weight_(context->params->Vector(block, weight)),
      bias_(context->params->Vector(block, bias)),
      dweight_(context->params->VectorGrad(block, weight)),
      dbias_(context->params->VectorGrad(block, bias)) {}

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
  float* rstd = stats == nullptr ? nullptr : stats->rstd.data<float>();
  if (rms_) {
    kernels::RmsNormForward(context_->stream, x, weight_, eps, y, rstd);
  } else {
    float* mean = stats == nullptr ? nullptr : stats->mean.data<float>();
    kernels::LayerNormForward(context_->stream, x, weight_, bias_, eps, y, mean,
                              rstd);
  }
}

void NormLayer::Backward(ConstMatrixView dy, ConstMatrixView x,
                         const NormStats& stats, MatrixView dx) const {
  if (rms_) {
    kernels::RmsNormBackward(context_->stream, dy, x, weight_,
                             stats.rstd.data<float>(), dx, dweight_);
  } else {
    kernels::LayerNormBackward(context_->stream, dy, x, weight_,
                               stats.mean.data<float>(),
                               stats.rstd.data<float>(), dx, dweight_, dbias_);
  }
}

}  // namespace perdure
