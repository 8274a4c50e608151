#ifndef PERDURE_LAUNCHER_SUPERVISOR_RANK_TABLE_H_
#define PERDURE_LAUNCHER_SUPERVISOR_RANK_TABLE_H_

// What the supervisor knows of every rank of the running generation. Times are
// seconds on one clock, which the caller reads: no member looks at a clock.

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/control/control.pb.h"
#include "runtime/progress/progress.h"

namespace perdure {

struct RankStatus {
  bool heard = false;  // at least once in this generation
  double heard_at = 0;
  Heartbeat last;
  // Of the last beat, on the caller's clock.
  double phase_since = 0;
  double step_since = 0;        // 0: no step yet
  double collective_since = 0;  // 0: none yet

  Phase phase() const { return static_cast<Phase>(last.phase()); }
  bool finished() const { return last.has_exit_code(); }
};

// Datagrams that were no heartbeat of this generation, by what was wrong.
struct DroppedDatagrams {
  int64_t foreign = 0;    // not sealed under the job's key, or too long
  int64_t malformed = 0;  // sealed, but no heartbeat of this job
  int64_t old = 0;        // of another generation
  int64_t replayed = 0;   // a number seen before
  int64_t total() const { return foreign + malformed + old + replayed; }
};

class RankTable {
 public:
  // Forgets everything: `ranks` ranks of a new generation start at `now`.
  void Begin(int64_t generation, int ranks, double now);

  // Takes a heartbeat in, or counts why not. False: dropped.
  bool Update(const Heartbeat& beat, double now);
  // The caller was away until `now`: nobody is silent because of that.
  void Forgive(double now);
  void CountForeign() { ++dropped_.foreign; }
  void CountMalformed() { ++dropped_.malformed; }

  int64_t generation() const { return generation_; }
  double began() const { return began_; }
  const std::vector<RankStatus>& ranks() const { return ranks_; }
  const DroppedDatagrams& dropped() const { return dropped_; }
  bool AllHeard() const;
  bool AllFinished() const;
  // Steps that every rank has finished, and that any has.
  int64_t LeastStep() const;
  int64_t MostStep() const;

 private:
  int64_t generation_ = 0;
  double began_ = 0;
  std::vector<RankStatus> ranks_;
  DroppedDatagrams dropped_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_RANK_TABLE_H_
