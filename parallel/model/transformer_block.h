#ifndef PERDURE_PARALLEL_MODEL_TRANSFORMER_BLOCK_H_
#define PERDURE_PARALLEL_MODEL_TRANSFORMER_BLOCK_H_

// One transformer layer, pre-norm: x + attention(norm(x)), then the same with
// the MLP. The residual stream is fp32 [N, D].

#include "parallel/model/attention_layer.h"
#include "parallel/model/context.h"
#include "parallel/model/mlp_layer.h"
#include "parallel/model/norm_layer.h"
#include "parallel/model/residual.h"

namespace perdure {

// What the backward pass needs besides the block's input.
struct BlockActivations {
  NormStats norm1_stats, norm2_stats;
  Tensor norm1_out, norm2_out;  // [N, D] compute dtype
  Tensor middle;                // [N, D] fp32, the stream between the branches
  AttentionActivations attention;
  MlpActivations mlp;
};

class TransformerBlock {
 public:
  TransformerBlock(const ModelContext* context, int block, Scratch* scratch);

  BlockActivations MakeActivations() const;
  // Makes what this block's backward pass needs in `scratch`.
  void SizeScratch(Scratch* scratch) const;
  AttentionLayer& attention() { return attention_; }

  absl::Status Forward(const MicroBatch& micro, ConstMatrixView x,
                       BlockActivations* activations, MatrixView y) const;
  // d [N, D] fp32: the gradient at y becomes that at x.
  absl::Status Backward(const MicroBatch& micro, ConstMatrixView x,
                        const BlockActivations& activations, MatrixView d);
  absl::Status ForwardCached(const MicroBatch& micro, ConstMatrixView x,
                             const std::vector<int32_t>& lengths,
                             KvCache* cache, BlockActivations* activations,
                             MatrixView y) const;

 private:
  absl::Status Finish(const MicroBatch& micro, ConstMatrixView x,
                      BlockActivations* activations, MatrixView y) const;

  const ModelContext* context_;
  Scratch* scratch_;
  NormLayer norm1_, norm2_;
  AttentionLayer attention_;
  MlpLayer mlp_;
  ResidualJoin attention_join_, mlp_join_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_TRANSFORMER_BLOCK_H_
