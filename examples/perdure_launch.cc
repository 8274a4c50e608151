// perdure-launch: keeps a training run going.

#include <gflags/gflags.h>
#include <glog/logging.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "examples/launch_commands.h"
#include "launcher/flags/command_line.h"
#include "launcher/supervisor/launch_options.h"
#include "launcher/supervisor/launch_plan.h"
#include "launcher/supervisor/node_table.h"
#include "launcher/supervisor/slurm.h"
#include "launcher/supervisor/supervisor.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

DEFINE_int32(n, 0, "ranks");
DEFINE_int32(min, 0, "go on with so few ranks after a loss; 0: with all");
DEFINE_string(take_back, "pays",
              "when a run is moved back: pays, always, never");
DEFINE_string(swap_stragglers, "pays",
              "when a slow host is swapped for a spare: pays, always, never");
DEFINE_bool(allow_tp_change, false, "layouts with another tp are allowed");
DEFINE_string(hosts, "", "NAME:RANKS,...; those left over are spares");
DEFINE_string(hostfile, "", "a line a host: NAME slots=RANKS");
DEFINE_string(agent, "", "starts daemons on hosts instead of ssh");
DEFINE_string(network, "", "of the hosts, such as 10.0.0.0/24");
DEFINE_string(listen, "", "this machine's address for the ranks");
DEFINE_double(wait, 600, "seconds to wait for enough hosts");
DEFINE_double(cooldown, 30, "seconds that a lost host is left out, at first");
DEFINE_int32(max_restarts, 100, "restarts before giving up");
DEFINE_int32(max_no_progress, 3, "generations in a row without a new step");
DEFINE_double(beat, 0.1, "seconds between two heartbeats of a rank");
DEFINE_double(silence, 1, "seconds after which a silent rank is lost");
DEFINE_double(lease, 10, "seconds after which an unanswered rank ends itself");
DEFINE_double(progress, 1.5, "least seconds without progress that are a hang");
DEFINE_int32(gather, 1000, "ranks above which one of a node beats for all");
DEFINE_bool(html, false, "history as a page");
DEFINE_string(output, "", "file of history --html");
DEFINE_string(rules, "", "file of diagnosis rules, tried before the shipped");
DEFINE_bool(quiet, false, "print no output of rank 0, only what goes wrong");

namespace perdure {
namespace {

// Read by the trainers; on other hosts too.
constexpr char kFaults[] = "PERDURE_FAULT";

constexpr char kHelp[] =
    R"(perdure-launch: starts a training run under mpirun and keeps it going: sees
crashes, hangs and silent ranks, says who is guilty, and starts the ranks again
from the newest snapshot and the journal.

  perdure-launch -n RANKS [options] -- TRAINER ARGUMENTS...
  perdure-launch status RUN_DIR       what a run is doing, from another terminal
  perdure-launch checkpoint RUN_DIR   save now and go on
  perdure-launch stop RUN_DIR         save and end (exit code 143)
  perdure-launch history RUN_DIR      launches, incidents, what they cost
  perdure-launch history RUN_DIR --html [--output FILE]
                                      the same and loss and throughput, as a page
                                      (RUN_DIR/launch/history.html)
  perdure-launch plan -n N [--min M] [options] -- TRAINER ARGUMENTS...
                                      layouts, their memory and modelled time
  perdure-launch diagnose LOG...      what went wrong in any logs, and what to do
  perdure-launch simulate [FILE] [NAME=VALUE...]
                                      a run on paper: failures, spares, fewer
                                      ranks (min=N), what is lost to what, the
                                      best time between snapshots
  perdure-launch rules                the rules of diagnosis, to write one's own

  perdure-launch -n 4 -- pretrain --config configs/demo.textproto --run_dir runs/a

Restarted ranks get --resume. SIGTERM, SIGINT and SIGUSR1 save and end as stop
does; a second one ends without saving. What ranks print is in
RUN_DIR/launch/gen-*/rank-*.log; each incident is told in
RUN_DIR/launch/incidents.

options:
  -n N                  ranks (in a Slurm job: its tasks)
  --hosts A:2,B:2,C:2   hosts and how many ranks each takes; those not needed are
                        spares (those of the Slurm job, or this machine)
  --hostfile FILE       the same, a line a host: NAME slots=N
  --listen ADDRESS      this machine's address, as the hosts see it (127.0.0.1;
                        in a Slurm job this node's name)
  --network NET         that Open MPI uses between hosts: 10.0.0.0/24
  --agent PROGRAM       starts Open MPI's daemons on hosts instead of ssh
  --min N               after a loss go on with so few ranks, in the fastest layout
                        that fits; with more again when hosts are back (all)
  --take_back WHEN      that is done if it pays, always or never (pays)
  --swap_stragglers WHEN
                        a host that computes slowly is swapped for a spare if
                        that pays, always or never (pays)
  --allow_tp_change     such a layout may have another tp, which changes the bits
                        of zeroth-order losses
  --wait S              for enough hosts, then exit code 94 (600)
  --cooldown S          a lost host is left out so long, then twice as long (30)
  --max_restarts N      restarts before giving up, with exit code 1 (100)
  --max_no_progress N   generations in a row without a new step before giving up,
                        with exit code 93: do not requeue (3)
  --beat S              seconds between heartbeats (0.1)
  --silence S           a rank not heard for so long is lost (1)
  --progress S          no step is a hang before so long; the run's own steps
                        make it longer (1.5)
  --lease S             a rank that gets no answer for so long ends itself (10)
  --gather N            with more ranks, one of each node sends the heartbeats of
                        all its ranks (1000)
  --rules FILE          of diagnosis, tried before the shipped ones
  --quiet               none of rank 0's output, only what goes wrong

exit codes: 0 done; 143 stopped after saving; 93 no progress or the same failure
twice; 94 too few hosts; 1 restarts are spent; otherwise the trainer's own, such as
2 for a wrong configuration.
)";

std::string OwnPath() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  return size > 0 ? std::string(path, static_cast<size_t>(size))
                  : "perdure-launch";
}

// The hosts that the user or the Slurm job gives, if any.
absl::Status FindHosts(LaunchOptions* options) {
  if (!FLAGS_hosts.empty() && !FLAGS_hostfile.empty()) {
    return absl::InvalidArgumentError("give --hosts or --hostfile, not both");
  }
  if (!FLAGS_hostfile.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(FLAGS_hostfile));
    ASSIGN_OR_RETURN(options->hosts, ParseHostfile(text));
  } else {
    ASSIGN_OR_RETURN(options->hosts, ParseHosts(FLAGS_hosts));
  }
  const std::optional<SlurmJob> job = ReadSlurmJob(std::getenv);
  if (!job.has_value() || !FLAGS_agent.empty()) return absl::OkStatus();
  options->access.slurm = true;
  if (options->hosts.empty()) {
    ASSIGN_OR_RETURN(options->hosts, SlurmHosts(*job));
  }
  if (options->ranks == 0) {
    for (const HostSlots& host : options->hosts) options->ranks += host.slots;
  }
  if (FLAGS_listen.empty()) options->listen = job->this_node;
  return absl::OkStatus();
}

absl::StatusOr<int> Run(const std::vector<std::string>& words,
                        const std::vector<std::string>& trainer) {
  std::vector<std::string> rest;
  RETURN_IF_ERROR(SetFlags(words, &rest));
  const bool plan = rest == std::vector<std::string>{"plan"};
  if (!rest.empty() && !plan)
    return RunLaunchCommand(rest, {FLAGS_rules, FLAGS_html, FLAGS_output});
  LaunchOptions options;
  options.program = OwnPath();
  options.min_ranks = FLAGS_min;
  ASSIGN_OR_RETURN(options.take_back,
                   ParseMoveWhen("take_back", FLAGS_take_back));
  ASSIGN_OR_RETURN(options.swap_stragglers,
                   ParseMoveWhen("swap_stragglers", FLAGS_swap_stragglers));
  options.allow_tp_change = FLAGS_allow_tp_change;
  options.ranks = FLAGS_n;
  options.trainer = trainer;
  if (!FLAGS_listen.empty()) options.listen = FLAGS_listen;
  options.access.agent = FLAGS_agent;
  RETURN_IF_ERROR(FindHosts(&options));
  if (std::getenv(kFaults) != nullptr) options.exported.push_back(kFaults);
  options.network = FLAGS_network;
  options.wait_seconds = FLAGS_wait;
  options.cooldown_seconds = FLAGS_cooldown;
  options.beat_seconds = FLAGS_beat;
  options.lease_seconds = FLAGS_lease;
  options.policy = {FLAGS_max_restarts, FLAGS_max_no_progress};
  options.budgets.silence_seconds = FLAGS_silence;
  options.budgets.progress_seconds = FLAGS_progress;
  options.gather_above = FLAGS_gather;
  options.rules = FLAGS_rules;
  options.quiet = FLAGS_quiet;
  if (plan) {
    ASSIGN_OR_RETURN(const std::string text, LaunchPlanText(options));
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  RETURN_IF_ERROR(CheckLaunchOptions(options));
  ASSIGN_OR_RETURN(options.run_dir, RunDirOf(trainer));
  ASSIGN_OR_RETURN(const std::unique_ptr<Supervisor> supervisor,
                   Supervisor::Create(options));
  return supervisor->Run();
}

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) {
  const std::vector<std::string> all(argv + 1, argv + argc);
  const auto dashes = std::find(all.begin(), all.end(), "--");
  const std::vector<std::string> words(all.begin(), dashes);
  const std::vector<std::string> trainer(
      dashes == all.end() ? dashes : dashes + 1, all.end());
  for (const std::string& word : words) {
    if (word == "--help" || word == "-help" || word == "-h") {
      std::fputs(perdure::kHelp, stdout);
      return 0;
    }
    if (word == "--version" || word == "-version") {
      std::printf("perdure-launch %s\n", PERDURE_VERSION);
      return 0;
    }
  }
  FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  const absl::StatusOr<int> exit_code = perdure::Run(words, trainer);
  if (exit_code.ok()) return *exit_code;
  std::fprintf(stderr, "perdure-launch: %s\n",
               std::string(exit_code.status().message()).c_str());
  return perdure::ExitCode(exit_code.status());
}
