#ifndef PERDURE_LAUNCHER_SUPERVISOR_LAUNCH_OPTIONS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_LAUNCH_OPTIONS_H_

// What the user asks perdure-launch for.

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "launcher/control/layout.pb.h"
#include "launcher/supervisor/budgets.h"
#include "launcher/supervisor/host_access.h"
#include "launcher/supervisor/mpirun_line.h"
#include "launcher/supervisor/policy.h"
#include "runtime/base/status.h"

namespace perdure {

// When a run that goes well is interrupted to go on better elsewhere.
enum class MoveWhen { kPays, kAlways, kNever };
// "pays", "always" or "never"; InvalidArgument names the flag.
absl::StatusOr<MoveWhen> ParseMoveWhen(absl::string_view flag,
                                       absl::string_view text);

struct LaunchOptions {
  int ranks = 0;
  int min_ranks = 0;  // go on with so few after a loss; 0: all of them
  // Layouts with another tp, which change the bits of zeroth-order losses.
  bool allow_tp_change = false;
  // Of a run on fewer ranks, to hosts that have returned.
  MoveWhen take_back = MoveWhen::kPays;
  // Of one with slow hosts, to spares.
  MoveWhen swap_stragglers = MoveWhen::kPays;
  std::string program;           // perdure-launch's own path
  std::vector<HostSlots> hosts;  // spares behind; empty: this machine
  HostAccess access;
  std::string network;                // of the hosts: "10.0.0.0/24"
  std::string listen = "127.0.0.1";   // where their ranks reach this process
  double wait_seconds = 600;          // for enough hosts
  double cooldown_seconds = 30;       // a lost host is left out, at first
  std::vector<std::string> trainer;   // program and arguments
  std::string run_dir;                // the trainer's --run_dir
  std::vector<std::string> exported;  // variables that ranks get as well
  int gather_above = 1000;  // ranks: one of a node sends for all of it
  std::string rules;        // of diagnosis; "": the shipped
  double beat_seconds = 0.1;
  double lease_seconds = 10;
  PolicyOptions policy;
  BudgetOptions budgets;
  bool quiet = false;  // no status line, no output of rank 0
};

// The value of --run_dir among the trainer's arguments. InvalidArgument if
// there is none, or if --force is there: it would put the files of the running
// launch aside.
absl::StatusOr<std::string> RunDirOf(const std::vector<std::string>& trainer);

// The trainer's command for a generation: those after the first resume, those
// on fewer ranks get a layout.
std::vector<std::string> TrainerCommand(const LaunchOptions& options,
                                        const std::optional<Layout>& layout,
                                        bool resume);

absl::Status CheckLaunchOptions(const LaunchOptions& options);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_LAUNCH_OPTIONS_H_
