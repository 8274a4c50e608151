#include "launcher/supervisor/policy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

// Failures that are the same whoever runs them next (runtime/base/status.h):
// what they are and what one does.
struct Unretryable {
  int exit_code;
  const char* why;
};
constexpr Unretryable kUnretryable[] = {
    {2, "the configuration or the command line is wrong"},
    {3, "a file that the run needs is missing or unusable"},
    {4, "memory is short"},
    {6, "the loss is not finite or has spiked"},
    {76, "another launch has taken over this run"},
};

constexpr int kStopped = 143;

Decision Stop(int exit_code, std::string why) {
  return {false, exit_code, std::move(why)};
}

}  // namespace

bool Policy::Repeats(const GenerationEnd& end) const {
  return last_.has_value() && end.verdict.has_value() &&
         end.verdict->fault == Fault::kCrash && !end.verdict->ranks.empty() &&
         last_->verdict.has_value() && last_->verdict->fault == Fault::kCrash &&
         last_->verdict->ranks == end.verdict->ranks &&
         last_->last_step == end.last_step && last_->signal == end.signal &&
         last_->exit_code == end.exit_code;
}

Decision Policy::Decide(const GenerationEnd& end) {
  if (!end.verdict.has_value()) {
    return end.exit_code == kStopped
               ? Stop(kStopped,
                      "stopped after saving; go on with the same "
                      "command and --resume")
               : Stop(end.exit_code, "done");
  }
  const int code = end.rank_exit_code.value_or(end.exit_code);
  for (const Unretryable& failure : kUnretryable) {
    if (code == failure.exit_code) {
      return Stop(code,
                  absl::StrCat(failure.why, ": another start would not help"));
    }
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
                       options_.max_restarts)};
}

}  // namespace perdure
