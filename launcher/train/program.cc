#include "launcher/train/program.h"

#include <cstdio>

#include "checkpoint/convert/hugging_face.h"
#include "glog/logging.h"
#include "launcher/flags/command_line.h"
#include "launcher/train/environment.h"
#include "launcher/train/layouts.h"
#include "launcher/train/model_setup.h"
#include "launcher/train/plan.h"
#include "launcher/train/signals.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

// How many ranks a plan is for: those asked for, those of this mpirun, or as
// many as the degrees multiply to.
int PlannedRanks(const TopologyConfig& topology) {
  if (topology.has_ranks()) return topology.ranks();
  if (LaunchedRanks() > 1) return LaunchedRanks();
  return topology.tp() * topology.pp() * topology.pertp() *
         (topology.has_dp() ? topology.dp() : 1);
}

// --plan or --layouts.
absl::Status PrintPlan(const RunConfig& config, const TrainerFlags& flags) {
  RunConfig complete = config;
  if (config.model().has_init_from()) {
    ASSIGN_OR_RETURN(const ModelSource source,
                     OpenModelSource(config.model().init_from()));
    ASSIGN_OR_RETURN(complete, TakeModel(config, source.model));
  }
  RETURN_IF_ERROR(CheckConfig(complete, /*for_training=*/true));
  const RunConfig resolved = ResolveConfig(complete);
  std::string text;
  if (flags.layouts.empty()) {
    ASSIGN_OR_RETURN(text, PlanText(resolved, PlannedRanks(config.topology())));
  } else {
    ASSIGN_OR_RETURN(text, LayoutsText(resolved, flags.layouts, flags.run_dir));
  }
  std::fputs(text.c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

std::optional<int> BeginProgram(int argc, char** argv, TrainerFlags* flags) {
  google::InitGoogleLogging(argv[0]);
  FLAGS_logtostderr = true;
  flags->command.assign(argv, argv + argc);
  flags->overrides = TakeOverrides(&argc, argv);
  const absl::Status status = SetFlags({argv + 1, argv + argc});
  if (!status.ok()) return ReportEarlyFailure(status);
  std::string program = argv[0];
  program.erase(0, program.rfind('/') + 1);
  if (FlagIsOn("help")) {
    std::fputs(HelpText(program).c_str(), stdout);
    return 0;
  }
  if (FlagIsOn("version")) {
    std::printf("%s %s\n", program.c_str(), Version());
    return 0;
  }
  return std::nullopt;
}

int RunProgram(const TrainerFlags& flags,
               const std::function<
                   absl::Status(Communicator& world, const SessionInfo& info,
                                const RunConfig& config)>& body) {
  const absl::StatusOr<RunConfig> config = ReadRunConfig(flags);
  if (!config.ok()) return ReportEarlyFailure(config.status());
  if (flags.plan || !flags.layouts.empty()) {
    const absl::Status status = PrintPlan(*config, flags);
    return status.ok() ? 0 : ReportEarlyFailure(status);
  }
  InstallStopSignals();
  return RunSession(absl::Seconds(config->topology().timeout_seconds()),
                    [&](Communicator& world, const SessionInfo& info) {
                      return body(world, info, *config);
                    });
}

}  // namespace perdure
