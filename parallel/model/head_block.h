#ifndef PERDURE_PARALLEL_MODEL_HEAD_BLOCK_H_
#define PERDURE_PARALLEL_MODEL_HEAD_BLOCK_H_

// Final norm, vocabulary product and cross-entropy, fused by tiles of rows: the
// logits of a micro-batch never exist as a whole. The vocabulary is split over
// tensor-parallel ranks.

#include <vector>

#include "parallel/model/context.h"
#include "parallel/model/linear.h"
#include "parallel/model/norm_layer.h"
#include "parallel/model/residual.h"
#include "runtime/kernels/cross_entropy.h"
#include "runtime/tensor/tensor.h"

namespace perdure {

// Per sequence, or per segment where a batch has segments: the sum of weighted
// losses, and of weights, each in the order of the tokens.
struct SequenceLosses {
  std::vector<double> loss;    // [Batch::losses()]
  std::vector<double> weight;  // [Batch::losses()]
};

class HeadBlock {
 public:
  HeadBlock(const ModelContext* context, Scratch* scratch);

  // The losses of x [N, D]. In training also the gradient of their sum (not the
  // mean: the caller knows the step's tokens, and scales): of the parameters,
  // and d [N, D] at x, overwritten.
  absl::Status ForwardBackward(const MicroBatch& micro, ConstMatrixView x,
                               MatrixView d, SequenceLosses* losses);

  // The whole vocabulary's logits of row `row` of every sequence: [B, vocab]
  // fp32, the same on all tensor-parallel ranks.
  absl::Status Logits(const MicroBatch& micro, ConstMatrixView x, int64_t row,
                      std::vector<float>* logits);

 private:
  // Rows at once: enough for a good product, few enough for the cache.
  static constexpr int64_t kTileRows = 256;

  absl::Status Tile(const MicroBatch& micro, int64_t begin, int64_t rows,
                    MatrixView normed_grad, std::vector<double>* row_loss);
  absl::Status Statistics(const MicroBatch& micro, int64_t begin, int64_t rows,
                          ConstMatrixView logits);

  const ModelContext* context_;
  Scratch* scratch_;
  int block_;
  NormLayer norm_;
  Linear head_;
  Range vocabulary_;  // of this rank
  NormStats stats_;
  Tensor normed_;       // [N, D] compute dtype
  Tensor logits_;       // [tile, V] fp32
  Tensor logits_grad_;  // [tile, V] compute dtype
  std::vector<kernels::LogitStats> rank_stats_, all_stats_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_HEAD_BLOCK_H_
