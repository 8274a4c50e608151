#include "examples/trainer_main.h"

#include <gflags/gflags.h>

#include <cstdlib>

#include "launcher/train/console.h"
#include "launcher/train/program.h"
#include "launcher/train/signals.h"

DEFINE_string(config, "", "the run's configuration, protobuf text format");
DEFINE_string(run_dir, "", "directory that the run fills");
DEFINE_bool(resume, false,
            "go on from the newest snapshot in --run_dir, on any topology; "
            "start at 0 if there is none");
DEFINE_bool(force, false, "rename a non-empty --run_dir and start anew");
DEFINE_bool(plan, false,
            "print configuration, topology, batch arithmetic and bytes per "
            "rank, then exit; needs no MPI (ranks: topology.ranks)");
DEFINE_string(layouts, "",
              "RANKS@RANKS_PER_NODE,...: print every layout of so many ranks "
              "for perdure-launch, then exit; needs no MPI");
DEFINE_string(set, "",
              "path=value: overrides a field of the configuration; may be "
              "repeated");

int TrainerMain(int argc, char** argv, const TrainerProgram& program) {
  gflags::SetUsageMessage(program.usage);
  perdure::TrainerFlags flags;
  const std::optional<int> done = perdure::BeginProgram(argc, argv, &flags);
  if (done.has_value()) return *done;
  flags.config = FLAGS_config;
  flags.run_dir = FLAGS_run_dir;
  flags.resume = FLAGS_resume;
  flags.force = FLAGS_force;
  flags.plan = FLAGS_plan;
  flags.layouts = FLAGS_layouts;
  return perdure::RunProgram(
      flags,
      [&](perdure::Communicator& world, const perdure::SessionInfo& info,
          const perdure::RunConfig& config) -> absl::Status {
        if (program.needs_weights && !config.model().has_init_from()) {
          return absl::InvalidArgumentError(
              "model.init_from is missing; name the weights to start from, or "
              "train new ones with pretrain");
        }
        perdure::TrainEnvironment environment;
        environment.session = info;
        environment.terminal = perdure::StdoutIsTerminal();
        environment.stop_signal = perdure::StopSignal;
        environment.saved = perdure::SavedOnSignal;
        const char* faults = std::getenv("PERDURE_FAULT");
        ASSIGN_OR_RETURN(environment.faults,
                         perdure::ParseFaults(faults == nullptr ? "" : faults));
        return perdure::TrainRun(world, flags, config, environment);
      });
}
