// finetune: adapts a trained transformer to a task, first- or zeroth-order.

#include "examples/trainer_main.h"

int main(int argc, char** argv) {
  return TrainerMain(
      argc, argv,
      {"adapts given weights to a task or to token files, by back-propagation "
       "or from losses alone (train.method: ZEROTH_ORDER).\n\n"
       "  finetune --config configs/mezo_sst2_opt_125m.textproto --set "
       "model.init_from=DIR --run_dir runs/sst2\n"
       "  mpirun -n 4 finetune --config configs/mezo_sst2_opt_125m.textproto "
       "--set "
       "model.init_from=DIR --run_dir runs/sst2 --set topology.pertp=2\n"
       "  evaluate --config configs/mezo_sst2_opt_125m.textproto --set "
       "model.init_from=runs/sst2\n\n"
       "model.init_from is a Hugging Face directory, a snapshot or a run "
       "directory. `task` in the configuration names files of examples and "
       "their prompt (docs/config.md); docs/zeroth-order.md says which "
       "settings "
       "work. --set path=value overrides any field and may be repeated. "
       "SIGUSR1 "
       "to mpirun, or SIGTERM to a run without mpirun, saves a snapshot and "
       "stops (exit code 143).",
       /*needs_weights=*/true});
}
