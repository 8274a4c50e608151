#ifndef PERDURE_PARALLEL_MODEL_RESIDUAL_H_
#define PERDURE_PARALLEL_MODEL_RESIDUAL_H_

// How a branch (attention, MLP) joins the fp32 residual stream, and how the
// gradient leaves it: projection, sum over tensor-parallel ranks, bias,
// dropout, addition.

#include "parallel/model/context.h"
#include "parallel/model/linear.h"
#include "parallel/model/scratch.h"
#include "runtime/base/philox.h"

namespace perdure {

// Which dropout this is; part of the key.
enum class DropoutSite {
  kEmbedding = 0,
  kAttention = 1,
  kAttentionOut = 2,
  kMlpOut = 3
};

// The key of the noise of a site in a step.
PhiloxKey DropoutKey(const ModelContext& context, int64_t step, int block,
                     DropoutSite site);

class ResidualJoin {
 public:
  ResidualJoin() = default;
  ResidualJoin(const ModelContext* context, int block, DropoutSite site,
               Linear projection, Scratch* scratch);

  // y = x + dropout(sum over tp of (branch W) + bias). y must not be x.
  absl::Status Forward(const MicroBatch& micro, ConstMatrixView branch,
                       ConstMatrixView x, MatrixView y) const;
  // From dy, the gradient at y: parameters' gradients and dbranch. What goes
  // past the branch (dx = dy) is the caller's.
  absl::Status Backward(const MicroBatch& micro, ConstMatrixView branch,
                        ConstMatrixView dy, MatrixView dbranch) const;

 private:
  float DropoutProbability(const MicroBatch& micro) const;

  const ModelContext* context_ = nullptr;
  int block_ = 0;
  DropoutSite site_ = DropoutSite::kEmbedding;
  Linear projection_;
  Scratch* scratch_ = nullptr;
};

// Gradient at the input of a column-parallel product, summed over tp: dx [N,
// D]. Returns a view into scratch: the compute dtype for one rank, else fp32.
absl::StatusOr<ConstMatrixView> ColumnBackwardInput(const ModelContext& context,
                                                    const Linear& linear,
                                                    ConstMatrixView dy,
                                                    Scratch* scratch);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_RESIDUAL_H_
