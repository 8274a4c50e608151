#include "runtime/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace perdure {

double LearningRate(const OptimConfig& config, int64_t step) {
  const double lr = config.lr();
  const double min_lr = config.min_lr();
  const int64_t warmup = config.warmup_steps();
  if (step <= warmup) {
    return lr * static_cast<double>(step) / static_cast<double>(warmup);
  }
  const int64_t end = config.decay_steps();
  const auto fraction = [step](int64_t from, int64_t to) {
    if (to <= from) return step > to ? 1.0 : 0.0;
    return std::clamp(
        static_cast<double>(step - from) / static_cast<double>(to - from), 0.0,
        1.0);
  };
  switch (config.schedule()) {
    case OptimConfig::CONSTANT:
      return lr;
    case OptimConfig::COSINE:
      return min_lr +
             0.5 * (lr - min_lr) *
                 (1 + std::cos(std::numbers::pi * fraction(warmup, end)));
    case OptimConfig::LINEAR:
      return lr + (min_lr - lr) * fraction(warmup, end);
    case OptimConfig::WSD:
      return lr + (min_lr - lr) *
                      fraction(std::max(warmup, end - config.wsd_decay_steps()),
                               end);
  }
  return lr;
}

}  // namespace perdure
