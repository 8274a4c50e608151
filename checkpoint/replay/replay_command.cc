#include "checkpoint/replay/replay_command.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "checkpoint/replay/replay.h"

namespace perdure {

const char kReplayHelp[] =
    R"(perdure-ckpt replay RUN_DIR --to_step=S --output=SNAPSHOT_DIR

Makes the snapshot that a zeroth-order run would have written at step S, from an
older snapshot, or the initial weights, and the run's journal: the same bytes,
without data, forward passes or MPI.
)";

absl::Status RunReplayCommand(const std::vector<std::string>& arguments,
                              int64_t to_step, const std::string& output,
                              std::ostream& out) {
  if (arguments.size() != 2 || to_step < 0 || output.empty()) {
    return absl::InvalidArgumentError(
        "replay takes a run directory, --to_step S and --output DIR; see "
        "--help");
  }
  ReplayOptions options;
  options.run_dir = arguments[1];
  options.to_step = to_step;
  options.output = output;
  options.threads =
      std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(const ReplayResult result, ReplayRun(options));
  out << absl::StrFormat(
      "%s: step %d, %d steps replayed from step %d (%s) in %.2f s\n", output,
      to_step, result.steps, result.base_step, result.base,
      absl::ToDoubleSeconds(absl::Now() - start));
  return absl::OkStatus();
}

}  // namespace perdure
