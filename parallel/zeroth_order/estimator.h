#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_ESTIMATOR_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_ESTIMATOR_H_

// From the losses of a step to its update: pure, the same bits on all ranks.
// n-SPSA (Spall 1992; MeZO, Malladi et al. 2023, definitions 1 and 2) and the
// one-sided estimate scaled by the spread of losses (FZOO, Dang et al. 2025).

#include <vector>

#include "parallel/engine/loss_reducer.h"
#include "parallel/zeroth_order/loss_table.h"
#include "runtime/config/zeroth_order.pb.h"

namespace perdure {

struct StepEstimate {
  BatchLoss loss;  // see StepRecord.loss
  std::vector<double> loss_plus, loss_minus, projected_grad;  // [K]
  std::vector<float> coefficients;                            // [K] of z_k
  // Over directions: the mean of g squared, and of its squared standard error
  // over the sequences of the batch.
  double grad_squared = 0;
  double error_squared = 0;
};

// `table` has the probes of ProbesOf(config), in that order.
StepEstimate Estimate(const ZerothOrderConfig& config, const LossTable& table,
                      double learning_rate, double eps);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_ESTIMATOR_H_
