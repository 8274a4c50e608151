#ifndef PERDURE_PARALLEL_ENGINE_INITIALIZE_PREFIX_H_
#define PERDURE_PARALLEL_ENGINE_INITIALIZE_PREFIX_H_

#include "parallel/engine/model_runtime.h"

namespace perdure {

// The tokens, model.prefix.tokens of them: a function of the seed, so the same
// on every topology.
Batch PrefixTokens(uint64_t seed, const ModelConfig& model);

// Collective. The prefixes of all layers become the keys and values that the
// model, without a prefix, computes for PrefixTokens, as MeZO does it. The
// runtime's max_rows must be at least so many.
absl::Status InitializePrefix(uint64_t seed, ModelRuntime* runtime);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_INITIALIZE_PREFIX_H_
