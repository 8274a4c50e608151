#ifndef PERDURE_PARALLEL_ENGINE_GENERATOR_H_
#define PERDURE_PARALLEL_ENGINE_GENERATOR_H_

// Text generation with a key-value cache, over tensor- and pipeline-parallel
// ranks. Replicas (dp) compute the same.

#include <cstdint>
#include <functional>
#include <vector>

#include "parallel/engine/model_runtime.h"

namespace perdure {

struct GenerateOptions {
  int64_t max_new_tokens = 0;
  double temperature = 0;   // 0: greedy
  int top_k = 0;            // 0: all
  uint64_t seed = 0;        // of sampling; token i depends on (seed, i) only
  int32_t stop_token = -1;  // ends the text; -1: none
  // Called on every rank for each new token.
  std::function<void(int32_t)> on_token;
};

class Generator {
 public:
  // runtime->context().max_rows must hold the longest prompt.
  explicit Generator(ModelRuntime* runtime) : runtime_(runtime) {}

  // Collective; the same prompt on all ranks. Returns prompt and new ids, the
  // same on all ranks. InvalidArgument: empty prompt, id outside the
  // vocabulary, or more positions than the model has.
  absl::StatusOr<std::vector<int32_t>> Generate(
      const std::vector<int32_t>& prompt, const GenerateOptions& options);

 private:
  absl::Status Check(const std::vector<int32_t>& prompt,
                     const GenerateOptions& options) const;
  // Runs the stages on `tokens` new ids behind `past`; the next id.
  absl::StatusOr<int32_t> Advance(const std::vector<int32_t>& ids, int64_t past,
                                  const GenerateOptions& options);

  ModelRuntime* runtime_;
  std::vector<KvCache> caches_;
  StageActivations activations_;
};

// The next id from logits [vocab]: the largest (the first of equals) for
// temperature 0, else a sample decided by `uniform` in [0, 1).
int32_t ChooseToken(const std::vector<float>& logits, double temperature,
                    int top_k, double uniform);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_GENERATOR_H_
