#ifndef PERDURE_TESTS_LAUNCHER_TRAIN_RUN_FILES_H_
#define PERDURE_TESTS_LAUNCHER_TRAIN_RUN_FILES_H_

// What a run has left in its directory.

#include <string>
#include <vector>

namespace perdure {

// The content of <run_dir>/<name>; "" and a failed test if it cannot be read.
std::string RunFile(const std::string& run_dir, const std::string& name);

// Losses of steps 1, 2, ... from metrics.jsonl, as written; a failed test if a
// step is missing or told twice.
std::vector<double> RunLosses(const std::string& run_dir);

}  // namespace perdure

#endif  // PERDURE_TESTS_LAUNCHER_TRAIN_RUN_FILES_H_
