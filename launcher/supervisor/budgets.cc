#include "launcher/supervisor/budgets.h"

#include <algorithm>

namespace perdure {
namespace {

// Steps after a start that may be slow: memory is touched, kernels are made.
constexpr int64_t kWarmUpSteps = 5;
constexpr double kWarmUpFactor = 10;
constexpr double kMargin = 5;

}  // namespace

void Budgets::BeginGeneration() {
  first_step_ = last_step_ = -1;
  last_phase_ = Phase::kStart;
}

// Rank 0 stands for all: a step ends for everybody.
void Budgets::Learn(const RankTable& table) {
  const RankStatus& rank = table.ranks()[0];
  if (!rank.heard) return;
  const size_t phase = static_cast<size_t>(rank.phase());
  longest_[phase] = std::max(longest_[phase], rank.heard_at - rank.phase_since);
  if (rank.step_since > 0 && rank.last.step() != last_step_) {
    const bool counts = last_step_ >= 0 && last_phase_ == Phase::kTrain &&
                        rank.phase() == Phase::kTrain &&
                        last_step_ >= first_step_ + kWarmUpSteps;
    if (counts) {
      const auto steps = static_cast<double>(rank.last.step() - last_step_);
      longest_step_ =
          std::max(longest_step_, (rank.step_since - last_step_at_) / steps);
    }
    if (first_step_ < 0) first_step_ = rank.last.step();
    last_step_ = rank.last.step();
    last_step_at_ = rank.step_since;
  }
  last_phase_ = rank.phase();
}

double Budgets::Of(Phase phase) const {
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
  const bool warm =
      first_step_ >= 0 && last_step_ >= first_step_ + kWarmUpSteps;
  // Nothing is known of steps yet: as patient as with loading.
  if (longest_step_ == 0) return options_.load_seconds;
  return std::max(options_.progress_seconds,
                  longest_step_ * (warm ? kMargin : kWarmUpFactor));
}

}  // namespace perdure
