#ifndef PERDURE_PARALLEL_MODEL_INITIALIZE_H_
#define PERDURE_PARALLEL_MODEL_INITIALIZE_H_

// A rank's part of the initial weights (runtime/nn/initial_values.h).

#include <cstdint>

#include "parallel/model/param_store.h"
#include "runtime/device/device.h"

namespace perdure {

// Fills all slots of the store, rounded to its dtype.
void InitializeParams(StreamView stream, uint64_t seed, ParamStore* params);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_INITIALIZE_H_
