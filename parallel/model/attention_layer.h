#ifndef PERDURE_PARALLEL_MODEL_ATTENTION_LAYER_H_
#define PERDURE_PARALLEL_MODEL_ATTENTION_LAYER_H_

// Causal self-attention of this rank's heads: column-parallel q,k,v, rotary
// positions (llama), attention. The output projection is the residual join's.

#include "parallel/model/context.h"
#include "parallel/model/linear.h"
#include "parallel/model/residual.h"
#include "runtime/kernels/attention.h"
#include "runtime/tensor/tensor.h"

namespace perdure {

struct AttentionActivations {
  Tensor qkv;  // [N, (H + 2G) dh], after rotation
  Tensor out;  // [N, H dh]
  Tensor lse;  // [B, H, T]
};

// Keys and values of what was generated so far: capacity rows a sequence, the
// first of them the model's prefix.
struct KvCache {
  Tensor k;  // [B capacity, G dh]
  Tensor v;
  int64_t capacity = 0;
  int64_t prefix = 0;  // rows
};

class AttentionLayer {
 public:
  AttentionLayer() = default;
  AttentionLayer(const ModelContext* context, int block, Scratch* scratch);

  AttentionActivations MakeActivations() const;
  // `tokens`: the most that a sequence will have.
  KvCache MakeCache(int64_t batch, int64_t tokens) const;
  // Makes the keys and values of a pass over one sequence, which are in
  // `activations`, the prefix of this layer in `params`.
  void KeepAsPrefix(AttentionActivations* activations,
                    const ParamStore& params) const;

  // activations->out = attention of x [N, D] (the norm's output).
  void Forward(const MicroBatch& micro, ConstMatrixView x,
               AttentionActivations* activations) const;
  // Gradients of q,k,v's parameters; dx is the gradient at x (see
  // ColumnBackwardInput). dout is the gradient at activations.out.
  absl::StatusOr<ConstMatrixView> Backward(
      const MicroBatch& micro, ConstMatrixView x,
      const AttentionActivations& activations, ConstMatrixView dout);
  // New tokens at positions `lengths[b] ..` of each sequence join the cache;
  // activations->out is theirs. Either the first tokens of all sequences
  // (lengths all 0) or one token a sequence.
  void ForwardCached(const MicroBatch& micro, ConstMatrixView x,
                     const std::vector<int32_t>& lengths, KvCache* cache,
                     AttentionActivations* activations) const;

  int64_t qkv_width() const { return qkv_.outputs(); }
  int64_t output_width() const { return heads_ * head_dim_; }

 private:
  struct Parts {
    MatrixView q, k, v;
  };
  Parts Split(MatrixView qkv) const;
  bool has_prefix() const { return context_->model->has_prefix(); }
  // Where the gradients of the prefix go; empty where it is not trained.
  MatrixView PrefixGradient(const MicroBatch& micro, ParamRole role) const;
  void Project(const MicroBatch& micro, ConstMatrixView x,
               MatrixView qkv) const;
  kernels::AttentionShape Shape(const Batch& batch) const;
  kernels::AttentionOptions Options(const MicroBatch& micro) const;

  const ModelContext* context_ = nullptr;
  int block_ = 0;
  Scratch* scratch_ = nullptr;
  Linear qkv_;
  bool rotary_ = false;
  int64_t heads_ = 0, kv_heads_ = 0, head_dim_ = 0;
  int64_t first_head_ = 0;  // global number of this rank's first query head
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_ATTENTION_LAYER_H_
