// pretrain: trains a transformer from scratch or from given weights.

#include "examples/trainer_main.h"

int main(int argc, char** argv) {
  return TrainerMain(
      argc, argv,
      {"trains a decoder-only transformer on token files.\n\n"
       "  mpirun -n 4 pretrain --config configs/demo.textproto --run_dir "
       "runs/a\n"
       "  mpirun -n 2 pretrain --config configs/demo.textproto --run_dir "
       "runs/a "
       "--resume --set topology.dp=1\n"
       "  pretrain --config configs/gpt2_124m.textproto --plan --set "
       "topology.ranks=8\n\n"
       "--set path=value overrides any field of the configuration (all of "
       "them: "
       "docs/config.md) and may be repeated. SIGUSR1 to mpirun, or SIGTERM to "
       "a "
       "run without mpirun, saves a snapshot and stops (exit code 143).",
       /*needs_weights=*/false});
}
