#ifndef PERDURE_RUNTIME_PROGRESS_PROGRESS_H_
#define PERDURE_RUNTIME_PROGRESS_PROGRESS_H_

// What a rank is doing right now, for whoever watches it: a watchdog thread
// that tells a supervisor, or a debugger. Written by the training thread at the
// cost of a few stores, read by any thread at any time, without a lock.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "absl/strings/string_view.h"

namespace perdure {

// Values go over the wire between a rank and its supervisor.
enum class Phase : uint32_t {
  kStart = 0,  // before and inside MPI's start
  kLoad = 1,   // data, weights, resume
  kTrain = 2,
  kEvaluate = 3,
  kSave = 4,
  kFinish = 5,
};
const char* PhaseName(Phase phase);  // "train"

using ProgressClock = std::chrono::steady_clock;

// How fast a rank computes beside the others.
struct RankSpeed {
  double speed = 0;        // as a part of the median's; 0: unknown
  bool straggler = false;  // that has been low for long
  int32_t windows = 0;     // comparisons in a row for which it was low
  // Of a step, modelled: what it takes longer because of this straggler and
  // those that are slower still.
  double slow_seconds = 0;
};

struct RankProgress {
  Phase phase = Phase::kStart;
  bool finite = true;  // of the last step's loss
  bool in_collective = false;
  ProgressClock::time_point phase_since;
  ProgressClock::time_point load_since;        // its first load phase began
  ProgressClock::time_point first_step_since;  // finished by this process
  ProgressClock::time_point step_since;        // the last one finished
  ProgressClock::time_point collective_since;  // begun or ended
  int64_t step = 0;                            // finished
  int64_t total_steps = 0;
  int64_t steps_made = 0;  // by this process
  // The longest of them, from the end of the one before or of a phase between.
  ProgressClock::duration longest_step{};
  uint64_t collectives = 0;          // begun, over all groups
  uint64_t sequence = 0;             // the last one's in its group
  ProgressClock::duration waited{};  // in all collectives that ended
  double loss = 0;
  double compute_seconds = 0;  // of the last step, without waiting
  RankSpeed speed;
  std::array<char, 24> group{};      // the last collective's, cut
  std::array<char, 12> operation{};  // "AllReduce"
};
static_assert(std::is_trivially_copyable_v<RankProgress>);

class ProgressBoard {
 public:
  ProgressBoard();
  ProgressBoard(const ProgressBoard&) = delete;
  ProgressBoard& operator=(const ProgressBoard&) = delete;

  // By the one writer.
  void EnterPhase(Phase phase);
  void SetTotalSteps(int64_t steps);
  void FinishStep(int64_t step, double loss);
  void SetComputeSeconds(double seconds);
  void SetSpeed(const RankSpeed& speed);
  void BeginCollective(absl::string_view group, absl::string_view operation,
                       uint64_t sequence);
  void EndCollective();
  Phase phase() const { return mine_.phase; }

  // By anybody: as it was at one moment.
  RankProgress Read() const;

 private:
  void Publish();

  static constexpr size_t kWords =
      (sizeof(RankProgress) + sizeof(uint64_t) - 1) / sizeof(uint64_t);

  RankProgress mine_;  // the writer's
  // A sequence lock: odd while the words change. The words are atomics, so a
  // torn read is seen, not undefined (Boehm, "Can seqlocks get along with
  // programming language memory models?", MSPC 2012).
  std::atomic<uint64_t> version_{0};
  std::array<std::atomic<uint64_t>, kWords> words_{};
};

// A phase that ends where the scope does.
class PhaseScope {
 public:
  // `board` may be nullptr.
  PhaseScope(ProgressBoard* board, Phase phase);
  ~PhaseScope();
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

 private:
  ProgressBoard* board_;
  Phase before_ = Phase::kStart;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_PROGRESS_PROGRESS_H_
