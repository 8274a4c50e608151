#ifndef PERDURE_PARALLEL_ENGINE_WEIGHT_FAULT_H_
#define PERDURE_PARALLEL_ENGINE_WEIGHT_FAULT_H_

// One spoiled weight, on order: what a bad memory cell or a wrong product looks
// like to a run, for trying out how it is noticed.

#include <array>
#include <cstddef>

#include "parallel/engine/model_runtime.h"

namespace perdure {

enum class WeightSpoil {
  kFlip,  // the highest bit of the mantissa
  kNan,
};

// Spoils the first element of the first matrix of this rank's first transformer
// block; it stays so.
void SpoilWeight(ModelRuntime* runtime, WeightSpoil how);

// The same for as long as the object lives: the weight is then what it was, but
// what was computed meanwhile is wrong.
class PassingWeightFault {
 public:
  PassingWeightFault(ModelRuntime* runtime, WeightSpoil how);
  ~PassingWeightFault();
  PassingWeightFault(const PassingWeightFault&) = delete;
  PassingWeightFault& operator=(const PassingWeightFault&) = delete;

 private:
  void* element_;
  size_t bytes_;
  std::array<char, 4> before_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_WEIGHT_FAULT_H_
