#include "parallel/model/stage_model.h"

namespace perdure {

StageModel::StageModel(const ModelContext* context, Range blocks)
    : context_(context) {
  const int64_t n = context->max_rows, d = context->model->hidden();
  const int64_t head = context->model->layers() + 1;
  scratch_.branch = Tensor(*context->device, DType::kF32, n, d);
  SizeLoraScratch(*context, &scratch_);
  const bool trains = context->params->has_gradients();
  if (trains) {
    scratch_.branch_grad = Tensor(*context->device, context->dtype(), n, d);
  }
  for (int64_t block = blocks.begin; block < blocks.end; ++block) {
    if (block == 0) {
      embedding_ = std::make_unique<EmbeddingBlock>(context);
    } else if (block == head) {
      head_ = std::make_unique<HeadBlock>(context, &scratch_);
    } else {
      layers_.emplace_back(context, static_cast<int>(block), &scratch_);
    }
  }
  if (!layers_.empty()) {
    if (trains) layers_.front().SizeScratch(&scratch_);
    shared_blocks_ =
        std::make_unique<BlockActivations>(layers_.front().MakeActivations());
  }
  if (context->recompute) {
    recomputed_ = Tensor(*context->device, DType::kF32, n, d);
  }
  const ParamLayout& layout = context->params->layout();
  head_shares_table_ =
      embedding_ != nullptr && head_ != nullptr &&
      layout.Find(static_cast<int>(head), ParamRole::kHeadWeight) ==
          layout.Find(0, ParamRole::kTokenEmbedding);
}

StageActivations StageModel::MakeActivations(bool for_training) const {
  StageActivations activations;
  const int64_t n = context_->max_rows, d = context_->model->hidden();
  for (size_t i = 0; i <= layers_.size(); ++i) {
    activations.stream.emplace_back(*context_->device, DType::kF32, n, d);
  }
  if (for_training) {
    activations.gradient = Tensor(*context_->device, DType::kF32, n, d);
    if (!context_->recompute) {
      for (const TransformerBlock& layer : layers_) {
        activations.blocks.push_back(layer.MakeActivations());
      }
    }
  }
  return activations;
}

BlockActivations& StageModel::BlockSet(StageActivations* activations,
                                       size_t layer) {
  return activations->blocks.empty() ? *shared_blocks_
                                     : activations->blocks[layer];
}

absl::Status StageModel::Forward(const MicroBatch& micro,
                                 StageActivations* activations) {
  const int64_t n = micro.rows();
  if (embedding_ != nullptr) {
    RETURN_IF_ERROR(embedding_->Forward(micro, activations->input(n)));
    RETURN_IF_ERROR(AfterBlock(*context_));
  }
  for (size_t i = 0; i < layers_.size(); ++i) {
    RETURN_IF_ERROR(
        layers_[i].Forward(micro, activations->stream[i].view().Rows(0, n),
                           &BlockSet(activations, i),
                           activations->stream[i + 1].view().Rows(0, n)));
    RETURN_IF_ERROR(AfterBlock(*context_));
  }
  if (head_ == nullptr) return absl::OkStatus();
  const MatrixView d = micro.training ? activations->d(n) : MatrixView();
  RETURN_IF_ERROR(head_->ForwardBackward(micro, activations->output(n), d,
                                         &activations->losses));
  return AfterBlock(*context_);
}

absl::Status StageModel::Backward(const MicroBatch& micro,
                                  StageActivations* activations) {
  const int64_t n = micro.rows();
  const MatrixView d = activations->d(n);
  for (size_t i = layers_.size(); i-- > 0;) {
    const ConstMatrixView x = activations->stream[i].view().Rows(0, n);
    BlockActivations& set = BlockSet(activations, i);
    if (activations->blocks.empty()) {
      RETURN_IF_ERROR(
          layers_[i].Forward(micro, x, &set, recomputed_.view().Rows(0, n)));
    }
    RETURN_IF_ERROR(layers_[i].Backward(micro, x, set, d));
    RETURN_IF_ERROR(AfterBlock(*context_));
  }
  if (embedding_ != nullptr) {
    embedding_->Backward(micro, d, head_shares_table_);
  }
  return absl::OkStatus();
}

absl::Status StageModel::ForwardEmbedding(const MicroBatch& micro,
                                          MatrixView y) {
  RETURN_IF_ERROR(embedding_->Forward(micro, y));
  return AfterBlock(*context_);
}

absl::Status StageModel::ForwardLayer(int64_t layer, const MicroBatch& micro,
                                      ConstMatrixView x, MatrixView y) {
  RETURN_IF_ERROR(layers_[static_cast<size_t>(layer)].Forward(
      micro, x, shared_blocks_.get(), y));
  return AfterBlock(*context_);
}

void StageModel::KeepAsPrefix(int64_t layer, const ParamStore& params) {
  layers_[static_cast<size_t>(layer)].attention().KeepAsPrefix(
      &shared_blocks_->attention, params);
}

absl::Status StageModel::ForwardHead(const MicroBatch& micro, ConstMatrixView x,
                                     SequenceLosses* losses) {
  RETURN_IF_ERROR(head_->ForwardBackward(micro, x, MatrixView(), losses));
  return AfterBlock(*context_);
}

std::vector<KvCache> StageModel::MakeCaches(int64_t batch, int64_t capacity) {
  std::vector<KvCache> caches;
  for (TransformerBlock& layer : layers_) {
    caches.push_back(layer.attention().MakeCache(batch, capacity));
  }
  return caches;
}

absl::Status StageModel::ForwardCached(const MicroBatch& micro,
                                       const std::vector<int32_t>& lengths,
                                       std::vector<KvCache>* caches,
                                       StageActivations* activations) {
  const int64_t n = micro.rows();
  if (embedding_ != nullptr) {
    RETURN_IF_ERROR(embedding_->Forward(micro, activations->input(n)));
  }
  for (size_t i = 0; i < layers_.size(); ++i) {
    RETURN_IF_ERROR(layers_[i].ForwardCached(
        micro, activations->stream[i].view().Rows(0, n), lengths, &(*caches)[i],
        &BlockSet(activations, i),
        activations->stream[i + 1].view().Rows(0, n)));
  }
  return absl::OkStatus();
}

absl::Status StageModel::Logits(const MicroBatch& micro,
                                StageActivations* activations, int64_t row,
                                std::vector<float>* logits) {
  return head_->Logits(micro, activations->output(micro.rows()), row, logits);
}

}  // namespace perdure
