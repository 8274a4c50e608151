#ifndef PERDURE_PARALLEL_MODEL_STAGE_MODEL_H_
#define PERDURE_PARALLEL_MODEL_STAGE_MODEL_H_

// The blocks of one pipeline stage, as one function with a gradient.

#include <memory>
#include <vector>

#include "parallel/model/embedding_block.h"
#include "parallel/model/head_block.h"
#include "parallel/model/transformer_block.h"
#include "runtime/topology/topology.h"

namespace perdure {

// What one micro-batch in flight keeps on a stage.
struct StageActivations {
  // [N, D] fp32 each: the residual stream before every layer, and after the
  // last. inputs[0] is what the stage before sends; inputs.back() what this one
  // sends on.
  std::vector<Tensor> stream;
  std::vector<BlockActivations> blocks;  // empty with recomputation
  Tensor gradient;                       // [N, D] fp32, at whichever boundary
  SequenceLosses losses;                 // last stage

  MatrixView input(int64_t rows) { return stream.front().view().Rows(0, rows); }
  MatrixView output(int64_t rows) { return stream.back().view().Rows(0, rows); }
  MatrixView d(int64_t rows) { return gradient.view().Rows(0, rows); }
};

class StageModel {
 public:
  // `context` must outlive the model. blocks: see StageBlocks.
  StageModel(const ModelContext* context, Range blocks);

  bool has_embedding() const { return embedding_ != nullptr; }
  bool has_head() const { return head_ != nullptr; }

  // One set for each micro-batch in flight. for_training: with what the
  // backward pass needs.
  StageActivations MakeActivations(bool for_training) const;

  // From input() (or the batch's ids) to output() (or losses, and in training
  // the gradient at the head's input).
  absl::Status Forward(const MicroBatch& micro, StageActivations* activations);
  // d(): the gradient at output() becomes that at input().
  absl::Status Backward(const MicroBatch& micro, StageActivations* activations);

  // The same, a block at a time and without a backward pass: zeroth-order
  // training changes weights between two blocks. x and y [N, D] fp32, y not x.
  int64_t layers() const { return static_cast<int64_t>(layers_.size()); }
  absl::Status ForwardEmbedding(const MicroBatch& micro, MatrixView y);
  absl::Status ForwardLayer(int64_t layer, const MicroBatch& micro,
                            ConstMatrixView x, MatrixView y);
  // After ForwardLayer(layer): makes the keys and values of its sequence, which
  // is model.prefix.tokens long, the layer's prefix in `params`.
  void KeepAsPrefix(int64_t layer, const ParamStore& params);
  absl::Status ForwardHead(const MicroBatch& micro, ConstMatrixView x,
                           SequenceLosses* losses);

  // Generation: new tokens against the caches, one for each layer.
  std::vector<KvCache> MakeCaches(int64_t batch, int64_t capacity);
  absl::Status ForwardCached(const MicroBatch& micro,
                             const std::vector<int32_t>& lengths,
                             std::vector<KvCache>* caches,
                             StageActivations* activations);
  // On the stage with the head: logits of row `row` of every sequence.
  absl::Status Logits(const MicroBatch& micro, StageActivations* activations,
                      int64_t row, std::vector<float>* logits);

 private:
  BlockActivations& BlockSet(StageActivations* activations, size_t layer);

  const ModelContext* context_;
  Scratch scratch_;
  std::unique_ptr<EmbeddingBlock> embedding_;
  std::vector<TransformerBlock> layers_;
  std::unique_ptr<HeadBlock> head_;
  bool head_shares_table_ = false;
  // Where activations are not kept: one set for all layers.
  std::unique_ptr<BlockActivations> shared_blocks_;
  Tensor recomputed_;  // [N, D] fp32
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_STAGE_MODEL_H_
