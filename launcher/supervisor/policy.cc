#include "launcher/supervisor/policy.h"

#include <signal.h>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

constexpr int kStopped = 143;

// Whether another start would end in the same way. A process that was ended
// from outside gets another one whatever its lines say: they may be old.
bool IsFinal(const GenerationEnd& end) {
  const Fault fault = end.verdict->fault;
  return end.retry == DiagnosisRule::NO &&
         (fault == Fault::kCrash || fault == Fault::kStart) &&
         (end.signal == 0 || end.signal == SIGABRT);
}

Decision Stop(int exit_code, std::string why) {
  return {false, exit_code, std::move(why)};
}

}  // namespace

bool Policy::Repeats(const GenerationEnd& end) const {
  const auto ends_by_itself = [](const std::optional<Verdict>& verdict) {
    return verdict.has_value() && !verdict->ranks.empty() &&
           (verdict->fault == Fault::kCrash ||
            verdict->fault == Fault::kWrongResult);
  };
  return last_.has_value() && ends_by_itself(end.verdict) &&
         ends_by_itself(last_->verdict) &&
         last_->verdict->fault == end.verdict->fault &&
         (end.verdict->fault == Fault::kCrash ||
          last_->verdict->hosts == end.verdict->hosts) &&
         last_->verdict->ranks == end.verdict->ranks &&
         last_->last_step == end.last_step && last_->signal == end.signal &&
         last_->exit_code == end.exit_code;
}

Decision Policy::Decide(const GenerationEnd& end) {
  if (!end.verdict.has_value()) {
    if (end.exit_code == kStopped && end.planned) {
      return {true, 0, "goes on elsewhere, as planned"};
    }
    return end.exit_code == kStopped
               ? Stop(kStopped,
                      "stopped after saving; go on with the same "
                      "command and --resume")
               : Stop(end.exit_code, "done");
  }
  if (IsFinal(end)) {
    const bool started = end.verdict->fault != Fault::kStart;
    return Stop(end.rank_exit_code.value_or(started ? end.exit_code
                                                    : kExitWrongCommand),
                absl::StrCat(end.cause, ": another start would not help"));
  }
  no_progress_ = end.last_step > end.first_step ? 0 : no_progress_ + 1;
  const bool repeats = Repeats(end);
  last_ = end;
  if (repeats) {
    return Stop(kExitNoProgress,
                absl::StrCat("rank ", end.verdict->ranks[0], " failed at step ",
                             end.last_step + 1, " in the same way twice: ",
                             "this is in the program or the data"));
  }
  if (no_progress_ >= options_.max_no_progress) {
    return Stop(kExitNoProgress,
                absl::StrCat(no_progress_,
                             " generations in a row have finished no step"));
  }
  if (restarts_ >= options_.max_restarts) {
    return Stop(kExitRestartsSpent,
                absl::StrCat("all ", options_.max_restarts,
                             " restarts are spent (--max_restarts)"));
  }
  ++restarts_;
  return {true, 0,
          absl::StrCat("restart ", restarts_, " of at most ",
                       options_.max_restarts),
          end.retry == DiagnosisRule::AFTER_COOLDOWN};
}

}  // namespace perdure
