#ifndef PERDURE_LAUNCHER_TRAIN_PEAK_H_
#define PERDURE_LAUNCHER_TRAIN_PEAK_H_

#include "runtime/comm/communicator.h"
#include "runtime/device/device.h"

namespace perdure {

// Collective. Floating-point operations a second of all ranks together,
// measured by matrix products of the given dtype on all of them at once (about
// 0.1 s): what "MFU" is relative to.
absl::StatusOr<double> MeasurePeakFlops(Communicator& world, Device& device,
                                        DType dtype);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_PEAK_H_
