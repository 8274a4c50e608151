#ifndef PERDURE_RUNTIME_NN_INITIAL_VALUES_H_
#define PERDURE_RUNTIME_NN_INITIAL_VALUES_H_

// Initial weights as a pure function of (seed, name, element index in the whole
// tensor): the same model on every topology, and without one.

#include <cstdint>

#include "runtime/base/philox.h"
#include "runtime/nn/param_spec.h"

namespace perdure {

// Element `index` of the normal noise of a parameter: Box-Muller on
// Philox4x32-10, key (seed, kInit, hash of the name), counter index / 4.
float InitialNoise(PhiloxKey key, int64_t index);

// Elements [first, first + n) of the whole tensor.
void InitialValues(const ParamSpec& spec, uint64_t seed, int64_t first,
                   int64_t n, float* values);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_NN_INITIAL_VALUES_H_
