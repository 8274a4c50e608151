#include "launcher/supervisor/generation_run.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "launcher/supervisor/detector.h"

namespace perdure {
namespace {

// A supervisor that was itself stopped for so long has not heard anybody, which
// is nobody's fault.
constexpr double kOwnPause = 0.5;
constexpr double kWatchSeconds = 0.02;
// From the last rank's last word to the end of mpirun.
constexpr double kEndSeconds = 10;

}  // namespace

double MonotonicSeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

absl::Status GenerationRun::Start(
    const std::vector<std::string>& command,
    const std::vector<std::pair<std::string, std::string>>& variables) {
  ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start(command, variables));
  child_.emplace(std::move(child));
  turned_at_ = last_sign_ = MonotonicSeconds();
  return absl::OkStatus();
}

void GenerationRun::Wait(double seconds) {
  pollfd ready[] = {{heartbeats_->fd(), POLLIN, 0},
                    {child_->output(), POLLIN, 0},
                    {child_->errors(), POLLIN, 0}};
  poll(ready, 3, std::max(1, static_cast<int>(seconds * 1e3)));
}

bool GenerationRun::Turn(double seconds) {
  Wait(seconds);
  const double now = MonotonicSeconds();
  if (agents_.learned()) {
    agents_.Look(child_->pid());
  } else if (table_->AllHeard()) {
    agents_.Learn(child_->pid());
  }
  // Before the beats: a process that has ended has said its last word by then.
  if (!exit_.has_value()) {
    exit_ = child_->Poll();
    if (exit_.has_value() && known_at_ == 0) known_at_ = now;
  }
  heartbeats_->Drain(now, table_);
  logs_->Drain(child_->output());
  logs_->Drain(child_->errors());
  if (exit_.has_value()) {
    // Somebody who outlives mpirun may hold the pipes open: not waited for.
    KillDescendants();
    ReapOrphans(child_->pid());
    logs_->Drain(child_->output());
    logs_->Drain(child_->errors());
    logs_->Flush();
    return false;
  }
  Watch(now);
  return true;
}

void GenerationRun::Watch(double now) {
  const bool paused = now - turned_at_ > kOwnPause;
  turned_at_ = now;
  if (verdict_.has_value()) return;
  if (paused) {
    table_->Forgive(now);
    return;
  }
  // With thousands of ranks something arrives all the time.
  if (now - watched_at_ < kWatchSeconds) return;
  watched_at_ = now;
  if (!table_->AllFinished()) {
    finished_at_ = now;
  } else if (now - finished_at_ > kEndSeconds) {
    Kill();
  }
  for (const RankStatus& rank : table_->ranks()) {
    last_sign_ = std::max(
        {last_sign_, rank.phase_since, rank.step_since, rank.collective_since});
  }
  verdict_ = Detect(*table_, *budgets_, now);
  if (verdict_.has_value()) {
    known_at_ = now;
    Kill();
  } else {
    budgets_->Learn(*table_);
  }
}

void GenerationRun::Kill() {
  child_->SignalGroup(SIGKILL);
  KillDescendants();
}

ExitCause GenerationRun::Cause() const {
  const std::deque<std::string> tail = logs_->Tail(-1);
  ExitCause cause = ExplainExit(*table_, *exit_, {tail.begin(), tail.end()});
  // That a daemon is gone, mpirun says; whose it was, its agent tells.
  const bool unknown = cause.verdict.has_value() &&
                       cause.verdict->fault == Fault::kCrash &&
                       cause.verdict->ranks.empty();
  if (unknown && agents_.lost().size() == 1) {
    const std::string& host = agents_.lost()[0];
    cause.verdict->fault = Fault::kNodeSilent;
    cause.verdict->hosts = {host};
    cause.verdict->what =
        absl::StrCat("the connection of mpirun to its daemon on ", host,
                     " ended: the host or the daemon is gone");
  }
  // What the detectors saw came first: the rest is how it was ended.
  if (verdict_.has_value()) {
    cause.verdict = verdict_;
    cause.signal = 0;
    cause.rank_exit_code.reset();
  }
  return cause;
}

}  // namespace perdure
