#ifndef PERDURE_LAUNCHER_SUPERVISOR_POLICY_H_
#define PERDURE_LAUNCHER_SUPERVISOR_POLICY_H_

// What to do after a generation has ended. Pure: decisions depend on what was
// recorded before, not on clocks or the system.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/diagnosis/rules.pb.h"
#include "launcher/supervisor/verdict.h"

namespace perdure {

// Exit codes of perdure-launch besides 0, 143 and those of the trainer.
inline constexpr int kExitRestartsSpent = 1;
inline constexpr int kExitWrongCommand = 2;  // no rank can start at all
inline constexpr int kExitNoProgress = 93;  // a batch system should not requeue
inline constexpr int kExitTooFewHosts = 94;

struct PolicyOptions {
  int max_restarts = 100;
  // Generations in a row that finish no new step.
  int max_no_progress = 3;
};

// How a generation ended.
struct GenerationEnd {
  int64_t generation = 0;
  // Of the job: what mpirun left with.
  int exit_code = 0;
  // A rank's own, from its last message, if one failed by itself.
  std::optional<int> rank_exit_code;
  bool done = false;  // every rank said that it ends in order
  // It was asked to save and end, to go on elsewhere.
  bool planned = false;
  int64_t first_step = 0, last_step = 0;  // finished before and at the end
  std::optional<Verdict> verdict;         // none: it ended in order
  int signal = 0;                         // that ended the guilty rank
  // What the rules say of it.
  DiagnosisRule::Retry retry = DiagnosisRule::YES;
  std::string cause;
};

struct Decision {
  bool restart = false;
  int exit_code = 0;      // of perdure-launch, without a restart
  std::string why;        // one sentence
  bool cooldown = false;  // what is to blame needs time before the restart
};

class Policy {
 public:
  explicit Policy(const PolicyOptions& options) : options_(options) {}
  Decision Decide(const GenerationEnd& end);
  int restarts() const { return restarts_; }

 private:
  // The same rank, step and way twice in a row.
  bool Repeats(const GenerationEnd& end) const;

  const PolicyOptions options_;
  int restarts_ = 0;
  int no_progress_ = 0;
  std::optional<GenerationEnd> last_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_POLICY_H_
