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
  kernels::NormForwardCall call;
  call.x = x;
  call.weight = context_->params->Vector(block_, weight_);
  call.eps = static_cast<float>(context_->model->norm_eps());
  call.y = y;
  if (stats != nullptr) call.rstd = stats->rstd.data<float>();
  if (rms_) {
    kernels::RmsNormForward(context_->stream, call);
    return;
  }
  call.bias = context_->params->Vector(block_, bias_);
  if (stats != nullptr) call.mean = stats->mean.data<float>();
  kernels::LayerNormForward(context_->stream, call);
}

void NormLayer::Backward(ConstMatrixView dy, ConstMatrixView x,
                         const NormStats& stats, MatrixView dx) const {
  const ParamStore& params = *context_->params;
  kernels::NormBackwardCall call;
  call.dy = dy;
  call.x = x;
  call.weight = params.Vector(block_, weight_);
  call.rstd = stats.rstd.data<float>();
  call.dx = dx;
  call.dweight = params.VectorGrad(block_, weight_);
  if (rms_) {
    kernels::RmsNormBackward(context_->stream, call);
    return;
  }
  call.mean = stats.mean.data<float>();
  call.dbias = params.VectorGrad(block_, bias_);
  kernels::LayerNormBackward(context_->stream, call);
}

}  // namespace perdure
