#ifndef PERDURE_LAUNCHER_TRAIN_TRAINER_FLAGS_H_
#define PERDURE_LAUNCHER_TRAIN_TRAINER_FLAGS_H_

// The command line that all trainers share. A test freezes the list.

#include <string>
#include <vector>

namespace perdure {

struct TrainerFlags {
  std::string config;                  // --config FILE
  std::vector<std::string> overrides;  // --set path=value, repeated, in order
  std::string run_dir;                 // --run_dir DIR
  bool resume = false;                 // --resume
  bool force = false;                  // --force
  bool plan = false;                   // --plan
  std::string layouts;                 // --layouts RANKS@RANKS_PER_NODE,...
  std::vector<std::string> command;    // argv, for the record
};

// Takes every "--set path=value" and "--set=path=value" out of argv (gflags
// keeps only the last of a repeated flag), in order.
std::vector<std::string> TakeOverrides(int* argc, char** argv);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_TRAINER_FLAGS_H_
