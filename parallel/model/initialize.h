#ifndef PERDURE_PARALLEL_MODEL_INITIALIZE_H_
#define PERDURE_PARALLEL_MODEL_INITIALIZE_H_

// Initial weights as a pure function of (seed, name, element index in the whole
// tensor): the same model on every topology.

#include <cstdint>

#include "parallel/model/param_store.h"
#include "runtime/base/philox.h"
#include "runtime/device/device.h"

namespace perdure {

// Element `index` of the normal noise of a parameter: Box-Muller on
// Philox4x32-10, key (seed, kInit, hash of the name), counter index / 4.
float InitialNoise(PhiloxKey key, int64_t index);

// Fills all slots of the store, rounded to its dtype.
void InitializeParams(StreamView stream, uint64_t seed, ParamStore* params);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_INITIALIZE_H_
