#ifndef PERDURE_LAUNCHER_SUPERVISOR_VERDICT_H_
#define PERDURE_LAUNCHER_SUPERVISOR_VERDICT_H_

// What went wrong in a generation, and who.

#include <cstdint>
#include <string>
#include <vector>

namespace perdure {

enum class Fault {
  kCrash,         // a process ended that should not have
  kStart,         // the generation did not come up
  kNodeSilent,    // no rank of a host is heard: it is lost or frozen
  kRankSilent,    // one process is gone or stopped
  kHang,          // a rank computes for ever while others wait for it
  kDesync,        // ranks are in different collectives of one group
  kStuckNetwork,  // all wait in the same collective, all are alive
  kNoDone,        // mpirun says success, no rank said so
  kStraggler,     // a rank computes slowly: nothing ends because of it
  kWrongResult,   // ranks found out that one of them computes wrongly
};
const char* FaultName(Fault fault);  // "crash"

struct Verdict {
  Fault fault = Fault::kCrash;
  std::vector<int> ranks;          // the guilty ones, if known
  std::vector<std::string> hosts;  // theirs
  std::string what;                // one sentence for people
  int64_t step = 0;                // the step that was under way
  bool certain = true;  // or the guilty one is only known to be among them
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_VERDICT_H_
