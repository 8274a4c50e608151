#ifndef PERDURE_LAUNCHER_SUPERVISOR_GENERATION_RUN_H_
#define PERDURE_LAUNCHER_SUPERVISOR_GENERATION_RUN_H_

// One generation, from the start of its mpirun to the last of its processes.

#include <optional>
#include <string>
#include <vector>

#include "launcher/supervisor/agent_watch.h"
#include "launcher/supervisor/budgets.h"
#include "launcher/supervisor/child_process.h"
#include "launcher/supervisor/exit_cause.h"
#include "launcher/supervisor/heartbeat_server.h"
#include "launcher/supervisor/log_router.h"
#include "launcher/supervisor/rank_table.h"
#include "runtime/base/status.h"

namespace perdure {

// Seconds on the clock that all of the supervisor uses.
double MonotonicSeconds();

class GenerationRun {
 public:
  // All outlive the run. `table` has begun the generation. `hosts`: of its
  // ranks.
  GenerationRun(HeartbeatServer* heartbeats, RankTable* table, Budgets* budgets,
                LogRouter* logs, std::vector<std::string> hosts)
      : heartbeats_(heartbeats),
        table_(table),
        budgets_(budgets),
        logs_(logs),
        agents_(std::move(hosts)) {}

  absl::Status Start(
      const std::vector<std::string>& command,
      const std::vector<std::pair<std::string, std::string>>& variables);
  // Waits up to `seconds` for anything to happen and takes it in. False once
  // the generation has ended and everything it printed is read.
  bool Turn(double seconds);
  void Signal(int signal) { child_->Signal(signal); }
  // Ends it at once; Turn goes on until it has.
  void Kill();
  pid_t pid() const { return child_->pid(); }

  // After its end.
  ExitCause Cause() const;
  // When what was wrong became known, and the last sign of life before it.
  double known_at() const { return known_at_; }
  double last_sign() const { return last_sign_; }

 private:
  void Wait(double seconds);
  void Watch(double now);

  HeartbeatServer* heartbeats_;
  RankTable* table_;
  Budgets* budgets_;
  LogRouter* logs_;
  AgentWatch agents_;
  std::optional<ChildProcess> child_;
  std::optional<Verdict> verdict_;  // of the detectors
  std::optional<ExitState> exit_;
  double turned_at_ = 0, watched_at_ = 0;
  double finished_at_ = 0;  // no rank had finished before
  double known_at_ = 0, last_sign_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_GENERATION_RUN_H_
