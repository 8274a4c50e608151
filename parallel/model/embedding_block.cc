#include "parallel/model/embedding_block.h"

#include "runtime/kernels/elementwise.h"
#include "runtime/kernels/embedding.h"

namespace perdure {
namespace {

constexpr int kBlock = 0;

}  // namespace

EmbeddingBlock::EmbeddingBlock(const ModelContext* context)
    : context_(context),
      learned_positions_(context->params->layout().Find(
                             kBlock, ParamRole::kPositionEmbedding) != nullptr),
      position_offset_(context->model->family() == "opt" ? 2 : 0),
      first_id_(EvenPart(context->model->vocab_size(), context->tp->size(),
                         context->tp->rank())
                    .begin) {}

void EmbeddingBlock::AddRows(ParamRole table, const std::vector<int32_t>& rows,
                             int64_t first, MatrixView y) const {
  if (context_->rows != nullptr) {
    return context_->rows->AddRows(table, rows, first, y);
  }
  kernels::EmbeddingForward(context_->stream, rows.data(), y.rows,
                            context_->params->Matrix(kBlock, table), first, y);
}

absl::Status EmbeddingBlock::Forward(const MicroBatch& micro,
                                     MatrixView y) const {
  const StreamView stream = context_->stream;
  const Batch& batch = *micro.batch;
  kernels::Fill(stream, 0, y.as<float>(), y.size());
  AddRows(ParamRole::kTokenEmbedding, batch.ids, first_id_, y);
  if (context_->tp->size() > 1) {
    RETURN_IF_ERROR(
        context_->tp->AllReduce(y.data, y.size(), DType::kF32, ReduceOp::kSum));
  }
  if (learned_positions_) {
    AddRows(ParamRole::kPositionEmbedding, batch.positions, -position_offset_,
            y);
  }
  const float dropout =
      micro.training ? static_cast<float>(context_->model->dropout()) : 0;
  if (dropout > 0) {
    kernels::Dropout(
        stream, dropout,
        DropoutKey(*context_, micro.step, kBlock, DropoutSite::kEmbedding),
        micro.row_ids.data(), y);
  }
  return absl::OkStatus();
}

void EmbeddingBlock::Backward(const MicroBatch& micro, MatrixView dy,
                              bool table_has_gradient) const {
  const StreamView stream = context_->stream;
  const Batch& batch = *micro.batch;
  const float dropout = static_cast<float>(context_->model->dropout());
  if (dropout > 0) {
    kernels::Dropout(
        stream, dropout,
        DropoutKey(*context_, micro.step, kBlock, DropoutSite::kEmbedding),
        micro.row_ids.data(), dy);
  }
  const auto add = [&](ParamRole role, const std::vector<int32_t>& rows,
                       int64_t first, bool keep) {
    if (!context_->params->has_gradient(kBlock, role)) return;
    const MatrixView table = context_->params->MatrixGrad(kBlock, role);
    if (!keep) kernels::Fill(stream, 0, table.as<float>(), table.size());
    kernels::EmbeddingBackward(stream, rows.data(), micro.rows(), dy, first,
                               table);
  };
  add(ParamRole::kTokenEmbedding, batch.ids, first_id_,
      micro.accumulate || table_has_gradient);
  if (learned_positions_) {
    add(ParamRole::kPositionEmbedding, batch.positions, -position_offset_,
        micro.accumulate);
  }
}

}  // namespace perdure
