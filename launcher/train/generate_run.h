#ifndef PERDURE_LAUNCHER_TRAIN_GENERATE_RUN_H_
#define PERDURE_LAUNCHER_TRAIN_GENERATE_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"
#include "runtime/config/run.pb.h"

namespace perdure {

struct GenerateRequest {
  std::string model;  // Hugging Face directory, snapshot or run directory
  std::string prompt;
  std::string prompt_ids;  // "1,2,3"; then prompt is not looked at
  int64_t max_new_tokens = 100;
  double temperature = 0;
  int top_k = 0;
  uint64_t seed = 1;
  bool print_ids = false;
  bool stop_at_end = false;  // at the tokenizer's end-of-text token
};

// Collective. Rank 0 prints the text as it grows; with print_ids a last line
// with prompt and new ids. Of the config, topology and train.{dtype,
// threads_per_rank} count. Returns all ids.
absl::StatusOr<std::vector<int32_t>> GenerateRun(Communicator& world,
                                                 const GenerateRequest& request,
                                                 const RunConfig& config);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_GENERATE_RUN_H_
