#include "launcher/train/train_run.h"

#include "launcher/train/trainer.h"

namespace perdure {

absl::Status TrainRun(Communicator& world, const TrainerFlags& flags,
                      const RunConfig& config,
                      const TrainEnvironment& environment) {
  Trainer trainer(&world, flags, environment);
  RETURN_IF_ERROR(trainer.Start(config));
  return trainer.Loop();
}

}  // namespace perdure
