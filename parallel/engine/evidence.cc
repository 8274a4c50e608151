#include "parallel/engine/evidence.h"

#include "runtime/state/digest.h"

namespace perdure {

uint64_t EvidenceOf(const std::vector<SequenceLosses>& losses) {
  uint64_t evidence = 0, index = 0;
  for (const SequenceLosses& sequences : losses) {
    for (const std::vector<double>* values :
         {&sequences.loss, &sequences.weight}) {
      evidence += Digest(DType::kF64, values->data(), index, values->size());
      index += values->size();
    }
  }
  return evidence;
}

uint64_t EvidenceOfGradients(const ModelRuntime& runtime) {
  return Digest(DType::kF32, runtime.memory().gradients(runtime.groups().me.dp),
                0, static_cast<uint64_t>(runtime.layout().gradient_size()));
}

}  // namespace perdure
