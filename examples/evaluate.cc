// evaluate: the loss of a model on validation data.

#include <gflags/gflags.h>

#include "launcher/train/evaluate_run.h"
#include "launcher/train/program.h"

DEFINE_string(config, "", "configuration, protobuf text format");
DEFINE_string(set, "",
              "path=value: overrides a field of the configuration; may be "
              "repeated");

int main(int argc, char** argv) {
  gflags::SetUsageMessage(
      "prints loss and perplexity of a model on validation data.\n\n"
      "  evaluate --config configs/demo.textproto --set "
      "model.init_from=runs/a\n"
      "  mpirun -n 2 evaluate --set model.init_from=DIR --set "
      "data.val.path=x.tokens --set topology.tp=2\n\n"
      "model.init_from is a Hugging Face directory, a snapshot or a run "
      "directory (its newest snapshot); data.val, or data.train with "
      "data.val_fraction, says on what; eval.sequences how much.");
  perdure::TrainerFlags flags;
  const std::optional<int> done = perdure::BeginProgram(argc, argv, &flags);
  if (done.has_value()) return *done;
  flags.config = FLAGS_config;
  return perdure::RunProgram(
      flags, [&](perdure::Communicator& world, const perdure::SessionInfo&,
                 const perdure::RunConfig& config) {
        return perdure::EvaluateRun(world, config).status();
      });
}
