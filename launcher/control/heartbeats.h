#ifndef PERDURE_LAUNCHER_CONTROL_HEARTBEATS_H_
#define PERDURE_LAUNCHER_CONTROL_HEARTBEATS_H_

// RankProgress as a message.

#include "launcher/control/control.pb.h"
#include "runtime/progress/progress.h"

namespace perdure {

// Who sends.
struct Sender {
  int64_t generation = 1;
  int rank = 0;
  int pid = 0;
  std::string host;
};

Heartbeat MakeHeartbeat(const Sender& sender, uint64_t number,
                        const RankProgress& progress,
                        ProgressClock::time_point now);

// Memory of this process that is in RAM; 0 if unknown.
uint64_t ResidentBytes();

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_CONTROL_HEARTBEATS_H_
