#include "parallel/zeroth_order/estimator.h"

#include <cmath>

#include "glog/logging.h"

namespace perdure {
namespace {

// The standard deviation of K numbers (divisor K - 1).
double Spread(const std::vector<double>& x) {
  const double n = static_cast<double>(x.size());
  double mean = 0, squares = 0;
  for (double v : x) mean += v / n;
  for (double v : x) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / (n - 1));
}

// The squared standard error of g = sum of d_s / sum of w_s over sequences s,
// a ratio estimate (Cochran 1977, section 2.11), where d_s is what sequence s
// contributes to the difference quotient.
double SquaredError(const LossTable& table, int plus, int minus, double scale,
                    double g) {
  const double weights = table.WeightSum();
  double squares = 0, n = 0;
  for (int64_t s = 0; s < table.sequences(); ++s) {
    if (table.weight(s) <= 0) continue;
    const double d = (table.loss(plus, s) - table.loss(minus, s)) / scale;
    const double residual = d - g * table.weight(s);
    squares += residual * residual;
    n += 1;
  }
  return n > 1 ? squares * n / (n - 1) / (weights * weights) : 0;
}

}  // namespace

StepEstimate Estimate(const ZerothOrderConfig& config, const LossTable& table,
                      double learning_rate, double eps) {
  const bool central = config.estimator() == ZerothOrderConfig::CENTRAL;
  const int directions = config.directions();
  CHECK_EQ(table.probes(), central ? 2 * directions : directions + 1);
  StepEstimate step;
  step.loss.weight_sum = table.WeightSum();
  const double scale = central ? 2 * eps : eps;
  double mean = central ? 0 : table.Mean(0);
  for (int k = 0; k < directions; ++k) {
    const int plus = central ? 2 * k : k + 1;
    const int other = central ? 2 * k + 1 : 0;
    step.loss_plus.push_back(table.Mean(plus));
    const double reference = table.Mean(other);
    if (central) {
      step.loss_minus.push_back(reference);
      mean += (step.loss_plus.back() + reference) / 2 / directions;
    }
    const double g = (step.loss_plus.back() - reference) / scale;
    step.projected_grad.push_back(g);
    step.grad_squared += g * g / directions;
    step.error_squared +=
        SquaredError(table, plus, other, scale, g) / directions;
  }
  step.loss.loss_sum = mean * step.loss.weight_sum;
  const double divisor =
      config.divide_by_spread() ? Spread(step.loss_plus) / eps : 1;
  for (double g : step.projected_grad) {
    step.coefficients.push_back(
        static_cast<float>(-learning_rate * g / divisor / directions));
  }
  return step;
}

}  // namespace perdure
