#ifndef PERDURE_LAUNCHER_TRAIN_MACHINE_SPEED_H_
#define PERDURE_LAUNCHER_TRAIN_MACHINE_SPEED_H_

// How fast the machines of a job are: what "MFU" is relative to, and what the
// time of a step on other layouts is modelled from.

#include <string>

#include "launcher/control/layout.pb.h"
#include "launcher/train/session.h"
#include "runtime/comm/communicator.h"
#include "runtime/device/device.h"

namespace perdure {

// Collective, about 0.1 s: matrix products of `dtype`, copies, noise, and
// messages between ranks of a node and of two nodes. All ranks get the same.
absl::StatusOr<MachineSpeed> MeasureMachineSpeed(Communicator& world,
                                                 Device& device, DType dtype,
                                                 const std::string& host);

// Collective. The same, from RUN_DIR/launch/machine.textproto where an earlier
// generation of this launch has left it: a restart has no time to measure.
absl::StatusOr<MachineSpeed> FindMachineSpeed(Communicator& world,
                                              Device& device, DType dtype,
                                              const SessionInfo& session,
                                              const std::string& run_dir);

// What the run's directory has, or, without it, assumed values.
MachineSpeed KnownMachineSpeed(const std::string& run_dir, bool* measured);

// The share of its own speed that a rank has where `ranks` of `threads` each
// work on one node at the same time.
double ShareOfSpeed(const MachineSpeed& speed, int ranks, int threads);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_MACHINE_SPEED_H_
