#ifndef PERDURE_PARALLEL_ENGINE_EVIDENCE_H_
#define PERDURE_PARALLEL_ENGINE_EVIDENCE_H_

// What a rank has computed in a step, as one number that changes with every bit
// of it.

#include <cstdint>
#include <vector>

#include "parallel/engine/model_runtime.h"
#include "parallel/model/head_block.h"

namespace perdure {

uint64_t EvidenceOf(const std::vector<SequenceLosses>& losses);
// Of the gradients in this rank's buffer.
uint64_t EvidenceOfGradients(const ModelRuntime& runtime);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_EVIDENCE_H_
