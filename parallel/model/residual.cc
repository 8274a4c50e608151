#include "parallel/model/residual.h"

#include "runtime/kernels/elementwise.h"

namespace perdure {
PhiloxKey DropoutKey(const ModelContext& context, int64_t step, int block,
                     DropoutSite site) {
  const uint64_t place =
      static_cast<uint64_t>(block) * 4 + static_cast<uint64_t>(site);
  return MakeKey(context.seed, NoiseStream::kDropout,
                 (static_cast<uint64_t>(step) << 20) + place);
}

ResidualJoin::ResidualJoin(const ModelContext* context, int block,
                           DropoutSite site, Linear projection,
                           Scratch* scratch)
    : context_(context),
      block_(block),
      site_(site),
      projection_(projection),
      scratch_(scratch) {}

float ResidualJoin::DropoutProbability(const MicroBatch& micro) const {
  return micro.training ? static_cast<float>(context_->model->dropout()) : 0;
}

absl::Status ResidualJoin::Forward(const MicroBatch& micro,
                                   ConstMatrixView branch, ConstMatrixView x,
                                   MatrixView y) const {
  const StreamView stream = context_->stream;
  const float dropout = DropoutProbability(micro);
  if (context_->tp->size() == 1 && dropout == 0) {
    kernels::Convert(stream, x, y);
    if (projection_.bias() != nullptr) {
      kernels::AddBias(stream, projection_.bias(), y);
    }
    projection_.ForwardAdd(branch, y);
    return absl::OkStatus();
  }
  const MatrixView out = scratch_->branch.view().Rows(0, x.rows);
  projection_.Forward(branch, out, /*with_bias=*/false);
  RETURN_IF_ERROR(SumOverTensorRanks(*context_, out));
  if (projection_.bias() != nullptr) {
    kernels::AddBias(stream, projection_.bias(), out);
  }
  if (dropout > 0) {
    kernels::Dropout(stream, dropout,
                     DropoutKey(*context_, micro.step, block_, site_),
                     micro.row_ids.data(), out);
  }
  kernels::Convert(stream, x, y);
  kernels::Add(stream, out, y);
  return absl::OkStatus();
}

absl::Status ResidualJoin::Backward(const MicroBatch& micro,
                                    ConstMatrixView branch, ConstMatrixView dy,
                                    MatrixView dbranch) const {
  const StreamView stream = context_->stream;
  const float dropout = DropoutProbability(micro);
  ConstMatrixView gradient = dy;
  if (dropout > 0 || context_->dtype() != DType::kF32) {
    const MatrixView copy = scratch_->branch_grad.view().Rows(0, dy.rows);
    kernels::Convert(stream, dy, copy);
    if (dropout > 0) {
      kernels::Dropout(stream, dropout,
                       DropoutKey(*context_, micro.step, block_, site_),
                       micro.row_ids.data(), copy);
    }
    gradient = copy;
  }
  projection_.BackwardInput(gradient, dbranch);
  return projection_.BackwardParams(branch, gradient, micro.accumulate);
}

absl::StatusOr<ConstMatrixView> ColumnBackwardInput(const ModelContext& context,
                                                    const Linear& linear,
                                                    ConstMatrixView dy,
                                                    Scratch* scratch) {
  if (context.tp->size() == 1) {
    const MatrixView dx = scratch->branch_grad.view().Rows(0, dy.rows);
    linear.BackwardInput(dy, dx);
    return ConstMatrixView(dx);
  }
  // Partial sums cross ranks in fp32: rounding them first would make the result
  // depend on tp by much more than the order of additions does.
  const MatrixView dx = scratch->branch.view().Rows(0, dy.rows);
  linear.BackwardInput(dy, dx);
  RETURN_IF_ERROR(SumOverTensorRanks(context, dx));
  return ConstMatrixView(dx);
}

}  // namespace perdure
