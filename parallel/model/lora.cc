#include "parallel/model/lora.h"

#include <algorithm>

#include "runtime/kernels/elementwise.h"

namespace perdure {
namespace {

float ScaleOf(const ModelConfig& model) {
  return static_cast<float>(model.lora().alpha() / model.lora().rank());
}

}  // namespace

bool LoraAdapter::row_parallel() const {
  return context_->params->layout().Find(block_, roles_.a)->spec.split_dim >= 0;
}

MatrixView LoraAdapter::ScaledProduct(ConstMatrixView x, ParamRole role,
                                      bool transpose) const {
  const MatrixView inner = scratch_->lora.view().Rows(0, x.rows);
  MatmulOptions options;
  options.transpose_b = transpose;
  context_->matmul->Run(context_->stream, x,
                        context_->params->Matrix(block_, role), inner, options);
  kernels::Scale(context_->stream, ScaleOf(*context_->model), inner);
  return inner;
}

ConstMatrixView LoraAdapter::Narrow(MatrixView inner) const {
  if (context_->dtype() == DType::kF32) return inner;
  const MatrixView narrow = scratch_->lora_narrow.view().Rows(0, inner.rows);
  kernels::Convert(context_->stream, inner, narrow);
  return narrow;
}

void LoraAdapter::MultiplyAdd(ConstMatrixView x, ParamRole role, bool transpose,
                              MatrixView y) const {
  const MatrixView w = context_->params->Matrix(block_, role);
  MatmulOptions options;
  options.transpose_b = transpose;
  if (y.dtype == DType::kF32) {
    options.accumulate = true;
    context_->matmul->Run(context_->stream, x, w, y, options);
    return;
  }
  // Products add to fp32 only.
  const MatrixView wide(scratch_->lora_wide.view().data, DType::kF32, y.rows,
                        y.cols);
  context_->matmul->Run(context_->stream, x, w, wide, options);
  kernels::Add(context_->stream, wide, y);
}

void LoraAdapter::ForwardAdd(ConstMatrixView x, MatrixView y) const {
  const ConstMatrixView inner =
      Narrow(ScaledProduct(x, roles_.a, /*transpose=*/true));
  MultiplyAdd(inner, roles_.b, /*transpose=*/true,
              y.Columns(columns_.begin, columns_.size()));
}

void LoraAdapter::BackwardInputAdd(ConstMatrixView dy, MatrixView dx) const {
  const ConstMatrixView inner =
      Narrow(ScaledProduct(dy.Columns(columns_.begin, columns_.size()),
                           roles_.b, /*transpose=*/false));
  MultiplyAdd(inner, roles_.a, /*transpose=*/false, dx);
}

absl::Status LoraAdapter::BackwardParams(ConstMatrixView x, ConstMatrixView dy,
                                         bool accumulate) const {
  const ParamStore& params = *context_->params;
  dy = dy.Columns(columns_.begin, columns_.size());
  MatmulOptions options;
  options.transpose_a = true;
  options.accumulate = accumulate;
  if (params.has_gradient(block_, roles_.b)) {
    const MatrixView inner = ScaledProduct(x, roles_.a, /*transpose=*/true);
    // Each rank saw some of the inputs.
    if (row_parallel()) RETURN_IF_ERROR(SumOverTensorRanks(*context_, inner));
    context_->matmul->Run(context_->stream, dy, Narrow(inner),
                          params.MatrixGrad(block_, roles_.b), options);
  }
  if (params.has_gradient(block_, roles_.a)) {
    const MatrixView inner = ScaledProduct(dy, roles_.b, /*transpose=*/false);
    // Each rank saw some of the outputs.
    if (!row_parallel()) RETURN_IF_ERROR(SumOverTensorRanks(*context_, inner));
    context_->matmul->Run(context_->stream, Narrow(inner), x,
                          params.MatrixGrad(block_, roles_.a), options);
  }
  return absl::OkStatus();
}

void SizeLoraScratch(const ModelContext& context, Scratch* scratch) {
  if (!context.model->has_lora()) return;
  Device& device = *context.device;
  const int64_t n = context.max_rows, rank = context.model->lora().rank();
  scratch->lora = Tensor(device, DType::kF32, n, rank);
  if (context.dtype() == DType::kF32) return;
  scratch->lora_narrow = Tensor(device, context.dtype(), n, rank);
  int64_t widest = 0;
  for (const ParamSlot& slot : context.params->layout().slots()) {
    if (!IsAdapter(slot.spec.role)) continue;
    widest = std::max({widest, slot.shape[0], slot.shape[1]});
  }
  scratch->lora_wide = Tensor(device, DType::kF32, n, widest);
}

}  // namespace perdure
