#ifndef PERDURE_LAUNCHER_SUPERVISOR_BUDGETS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_BUDGETS_H_

// How long things may take before they count as stuck. The hierarchy, each
// longer than the one before (docs/faults.md): beat, silence, progress, phase,
// lease... A run teaches its own: a phase that has once taken long may again.

#include <array>

#include "launcher/supervisor/rank_table.h"
#include "runtime/progress/progress.h"

namespace perdure {

struct BudgetOptions {
  double silence_seconds = 1;     // a rank that beats is heard within this
  double progress_seconds = 1.5;  // at least; no step may take less to be stuck
  double start_seconds = 60;  // until a rank is heard, then through MPI_Init
  double load_seconds = 300;
  double evaluate_seconds = 300;
  double save_seconds = 300;
  double finish_seconds = 60;
};

class Budgets {
 public:
  explicit Budgets(const BudgetOptions& options) : options_(options) {}

  // Learns from a generation that goes well.
  void Learn(const RankTable& table);
  // The longest stay in a phase that was seen, seconds.
  double Longest(Phase phase) const {
    return longest_[static_cast<size_t>(phase)];
  }
  double silence() const { return options_.silence_seconds; }
  // For a rank in `phase` that has made no progress, `steps_made` steps after
  // its start. Steps: five times the longest seen in any generation, ten times
  // for the first ones of a process, which warm up.
  double Of(Phase phase, int64_t steps_made = 0) const;

 private:
  BudgetOptions options_;
  static constexpr size_t kPhases = 6;
  std::array<double, kPhases> longest_{};  // seconds seen in one stay
  double longest_step_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_BUDGETS_H_
