#ifndef PERDURE_EXAMPLES_TRAINER_MAIN_H_
#define PERDURE_EXAMPLES_TRAINER_MAIN_H_

// main() of the programs that train: they have the same flags.

struct TrainerProgram {
  const char* usage;
  // model.init_from must be given.
  bool needs_weights;
};

// Returns the exit code.
int TrainerMain(int argc, char** argv, const TrainerProgram& program);

#endif  // PERDURE_EXAMPLES_TRAINER_MAIN_H_
