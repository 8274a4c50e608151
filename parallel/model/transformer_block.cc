#include "parallel/model/transformer_block.h"

namespace perdure {

TransformerBlock::TransformerBlock(const ModelContext* context, int block,
                                   Scratch* scratch)
    : context_(context),
      scratch_(scratch),
      norm1_(context, block, ParamRole::kNorm1Weight, ParamRole::kNorm1Bias),
      norm2_(context, block, ParamRole::kNorm2Weight, ParamRole::kNorm2Bias),
      attention_(context, block, scratch),
      mlp_(context, block, scratch),
      attention_join_(context, block, DropoutSite::kAttentionOut,
                      Linear(context, block, ParamRole::kAttnOutWeight,
                             ParamRole::kAttnOutBias)
                          .WithLora(scratch),
                      scratch),
      mlp_join_(
          context, block, DropoutSite::kMlpOut,
          Linear(context, block, ParamRole::kDownWeight, ParamRole::kDownBias)
              .WithLora(scratch),
          scratch) {}

BlockActivations TransformerBlock::MakeActivations() const {
  Device& device = *context_->device;
  const int64_t n = context_->max_rows, d = context_->model->hidden();
  BlockActivations activations;
  activations.norm1_stats = norm1_.MakeStats();
  activations.norm2_stats = norm2_.MakeStats();
  activations.norm1_out = Tensor(device, context_->dtype(), n, d);
  activations.norm2_out = Tensor(device, context_->dtype(), n, d);
  activations.middle = Tensor(device, DType::kF32, n, d);
  activations.attention = attention_.MakeActivations();
  activations.mlp = mlp_.MakeActivations();
  return activations;
}

void TransformerBlock::SizeScratch(Scratch* scratch) const {
  Device& device = *context_->device;
  const DType dtype = context_->dtype();
  const int64_t n = context_->max_rows;
  scratch->qkv_grad = Tensor(device, dtype, n, attention_.qkv_width());
  scratch->attn_grad = Tensor(device, dtype, n, attention_.output_width());
  scratch->mlp_grad = Tensor(device, dtype, n, mlp_.up_width());
  scratch->act_grad = Tensor(device, dtype, n, mlp_.width());
}

absl::Status TransformerBlock::Forward(const MicroBatch& micro,
                                       ConstMatrixView x,
                                       BlockActivations* activations,
                                       MatrixView y) const {
  const MatrixView normed = activations->norm1_out.view().Rows(0, x.rows);
  norm1_.Forward(x, normed, &activations->norm1_stats);
  attention_.Forward(micro, normed, &activations->attention);
  return Finish(micro, x, activations, y);
}

absl::Status TransformerBlock::ForwardCached(
    const MicroBatch& micro, ConstMatrixView x,
    const std::vector<int32_t>& lengths, KvCache* cache,
    BlockActivations* activations, MatrixView y) const {
  const MatrixView normed = activations->norm1_out.view().Rows(0, x.rows);
  norm1_.Forward(x, normed, nullptr);
  attention_.ForwardCached(micro, normed, lengths, cache,
                           &activations->attention);
  return Finish(micro, x, activations, y);
}

// From the attention's output on.
absl::Status TransformerBlock::Finish(const MicroBatch& micro,
                                      ConstMatrixView x,
                                      BlockActivations* activations,
                                      MatrixView y) const {
  const int64_t n = x.rows;
  const MatrixView middle = activations->middle.view().Rows(0, n);
  RETURN_IF_ERROR(attention_join_.Forward(
      micro, activations->attention.out.view().Rows(0, n), x, middle));
  const MatrixView normed = activations->norm2_out.view().Rows(0, n);
  norm2_.Forward(middle, normed, &activations->norm2_stats);
  mlp_.Forward(normed, &activations->mlp);
  return mlp_join_.Forward(micro, activations->mlp.out.view().Rows(0, n),
                           middle, y);
}

absl::Status TransformerBlock::Backward(const MicroBatch& micro,
                                        ConstMatrixView x,
                                        const BlockActivations& activations,
                                        MatrixView d) {
  const int64_t n = x.rows;
  const MatrixView dact = scratch_->act_grad.view().Rows(0, n);
  RETURN_IF_ERROR(mlp_join_.Backward(
      micro, activations.mlp.out.view().Rows(0, n), d, dact));
  ASSIGN_OR_RETURN(const ConstMatrixView dnorm2,
                   mlp_.Backward(micro, activations.norm2_out.view().Rows(0, n),
                                 activations.mlp, dact));
  norm2_.Backward(dnorm2, activations.middle.view().Rows(0, n),
                  activations.norm2_stats, d);

  const MatrixView dattention = scratch_->attn_grad.view().Rows(0, n);
  RETURN_IF_ERROR(attention_join_.Backward(
      micro, activations.attention.out.view().Rows(0, n), d, dattention));
  ASSIGN_OR_RETURN(
      const ConstMatrixView dnorm1,
      attention_.Backward(micro, activations.norm1_out.view().Rows(0, n),
                          activations.attention, dattention));
  norm1_.Backward(dnorm1, x, activations.norm1_stats, d);
  return absl::OkStatus();
}

}  // namespace perdure
