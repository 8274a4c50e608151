#include "launcher/supervisor/budgets.h"

#include <algorithm>

namespace perdure {
namespace {

// Steps after a start that may be slow: memory is touched, kernels are made.
constexpr int64_t kWarmUpSteps = 5;
constexpr double kWarmUpFactor = 10;
constexpr double kMargin = 5;

}  // namespace

// Rank 0 stands for all: a step ends for everybody.
void Budgets::Learn(const RankTable& table) {
  const RankStatus& rank = table.ranks()[0];
  if (!rank.heard) return;
  double& longest = longest_[static_cast<size_t>(rank.phase())];
  longest = std::max(longest, rank.heard_at - rank.phase_since);
  longest_step_ = std::max(longest_step_, rank.last.longest_step());
}

double Budgets::Of(Phase phase, int64_t steps_made) const {
  const double learned = kMargin * longest_[static_cast<size_t>(phase)];
  switch (phase) {
    case Phase::kStart:
      return options_.start_seconds;
    case Phase::kLoad:
      return std::max(options_.load_seconds, learned);
    case Phase::kEvaluate:
      return std::max(options_.evaluate_seconds, learned);
    case Phase::kSave:
      return std::max(options_.save_seconds, learned);
    case Phase::kFinish:
      return options_.finish_seconds;
    case Phase::kTrain:
      break;
  }
  // Nothing is known of steps yet: as patient as with loading.
  if (longest_step_ == 0) return options_.load_seconds;
  return std::max(
      options_.progress_seconds,
      longest_step_ * (steps_made < kWarmUpSteps ? kWarmUpFactor : kMargin));
}

}  // namespace perdure
