#include "parallel/model/mlp_layer.h"

namespace perdure {
namespace {

kernels::Activation ActivationOf(const ModelConfig& model) {
  if (model.activation() == "gelu") return kernels::Activation::kGelu;
  if (model.activation() == "relu") return kernels::Activation::kRelu;
  if (model.activation() == "silu") return kernels::Activation::kSilu;
  return kernels::Activation::kGeluTanh;
}

}  // namespace

MlpLayer::MlpLayer(const ModelContext* context, int block, Scratch* scratch)
    : context_(context),
      scratch_(scratch),
      gated_(context->model->family() == "llama"),
      activation_(ActivationOf(*context->model)) {
  up_ = gated_
            ? Linear(context, block, ParamRole::kGateWeight, std::nullopt,
                     /*fused=*/1)
            : Linear(context, block, ParamRole::kUpWeight, ParamRole::kUpBias);
  up_ = up_.WithLora(scratch);
  width_ = gated_ ? up_.outputs() / 2 : up_.outputs();
}

MlpActivations MlpLayer::MakeActivations() const {
  const int64_t n = context_->max_rows;
  return {Tensor(*context_->device, context_->dtype(), n, up_.outputs()),
          Tensor(*context_->device, context_->dtype(), n, width_)};
}

void MlpLayer::Forward(ConstMatrixView x, MlpActivations* activations) const {
  const MatrixView up = activations->up.view().Rows(0, x.rows);
  const MatrixView out = activations->out.view().Rows(0, x.rows);
  up_.Forward(x, up, /*with_bias=*/true);
  if (gated_) {
    kernels::GatedForward(context_->stream, activation_, up.Columns(0, width_),
                          up.Columns(width_, width_), out);
  } else {
    kernels::ActivationForward(context_->stream, activation_, up, out);
  }
}

absl::StatusOr<ConstMatrixView> MlpLayer::Backward(
    const MicroBatch& micro, ConstMatrixView x,
    const MlpActivations& activations, ConstMatrixView dout) {
  const ConstMatrixView up = activations.up.view().Rows(0, x.rows);
  const MatrixView dup = scratch_->mlp_grad.view().Rows(0, x.rows);
  if (gated_) {
    kernels::GatedBackward(
        context_->stream, activation_,
        {up.Columns(0, width_), up.Columns(width_, width_), dout,
         dup.Columns(0, width_), dup.Columns(width_, width_)});
  } else {
    kernels::ActivationBackward(context_->stream, activation_, up, dout, dup);
  }
  RETURN_IF_ERROR(up_.BackwardParams(x, dup, micro.accumulate));
  return ColumnBackwardInput(*context_, up_, dup, scratch_);
}

}  // namespace perdure
