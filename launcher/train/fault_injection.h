#ifndef PERDURE_LAUNCHER_TRAIN_FAULT_INJECTION_H_
#define PERDURE_LAUNCHER_TRAIN_FAULT_INJECTION_H_

// Faults on order, for trying out how a run survives them:
//   PERDURE_FAULT="KIND@RANK:STEP[:GENERATION]", several separated by ","
// strikes the rank before that step. KIND:
//   kill   SIGKILL            segv   a bad address      abort  abort()
//   exit0  _exit(0)           stop   SIGSTOP            hang   sleeps for ever
//   spin   computes for ever  slowN  from then on it computes N times as slowly
//                                    (slow4), sleeping in between
//   oom      an allocation fails
//   oomkill  the kernel's words, then SIGKILL
//   nan         a weight is NaN while the step computes, and then no more
//   miscompute  a bit of it is wrong while the step computes
//   bitflip     a bit of it changes for good
//   torn     half of the rank's next write, then SIGKILL
//   full     none of its writes succeeds any more: the disk is full

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "launcher/train/faulty_storage.h"
#include "launcher/train/slowness.h"
#include "parallel/engine/train_engine.h"
#include "runtime/base/status.h"

namespace perdure {

struct PlannedFault {
  std::string kind;
  int rank = 0;
  int64_t step = 1;
  int64_t generation = 0;  // 0: any
  double factor = 1;       // slowN
  bool struck = false;
};

// InvalidArgument names the entry and lists the kinds.
absl::StatusOr<std::vector<PlannedFault>> ParseFaults(absl::string_view text);

// What a fault may strike besides the process; neither is owned.
struct FaultTargets {
  TrainEngine* engine = nullptr;
  FaultyStorage* storage = nullptr;
};

class FaultInjector {
 public:
  FaultInjector() = default;  // none
  // Keeps those of this rank and generation.
  FaultInjector(const std::vector<PlannedFault>& faults, int rank,
                int64_t generation);
  bool empty() const { return faults_.empty(); }
  // Before step `step`. But for slowN each fault strikes once, however often
  // the step is done. The injector outlives the engine's use.
  void Strike(int64_t step, const FaultTargets& targets);

 private:
  std::vector<PlannedFault> faults_;
  Slowness slowness_{1};  // of slowN, so far
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_FAULT_INJECTION_H_
