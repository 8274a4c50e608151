#ifndef PERDURE_LAUNCHER_SUPERVISOR_INCIDENT_H_
#define PERDURE_LAUNCHER_SUPERVISOR_INCIDENT_H_

// A failure and what came of it, told so that somebody woken up by it knows
// what to do.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/diagnosis/diagnosis.h"
#include "launcher/supervisor/policy.h"
#include "launcher/supervisor/rank_table.h"

namespace perdure {

// The first new step after a failure.
struct Recovery {
  int64_t step = 0;
  int64_t steps_lost = 0;  // finished before, made again
  // From the fault on; the parts are in the order of time.
  double seconds = 0;
  double detect_seconds = 0, kill_seconds = 0;
  double probe_seconds = 0;  // of hosts, and to choose a layout
  double start_seconds = 0;  // until MPI is up
  double load_seconds = 0, step_seconds = 0;
  // Of the launch so far, this failure included: the share of time that was not
  // between a fault and the first new step after it.
  double effective_ratio = 0;
};

// A rank when the failure became known.
struct RankMoment {
  int rank = 0;
  bool guilty = false;
  std::string doing;  // DescribeRank()
  std::string host, phase, group, operation;
  int64_t step = 0;
  uint64_t sequence = 0;
  bool in_collective = false;
};

struct Incident {
  int64_t number = 0;  // of the run, from 1
  int64_t generation = 0;
  std::string time;  // UTC
  Verdict verdict;
  Diagnosis diagnosis;
  int exit_code = 0;  // mpirun's
  int signal = 0;     // that ended the guilty rank
  // Seconds from the last sign of life to the verdict.
  double detected_after = 0;
  Decision decision;
  std::vector<RankMoment> ranks;
  int64_t finished_step = 0;
  std::optional<Recovery> recovery;  // once it is known
};

// The ranks as they were, the guilty marked.
std::vector<RankMoment> MomentsOf(const RankTable& table,
                                  const Verdict& verdict, double now);

// At most 15 lines.
std::string IncidentText(const Incident& incident);
// The same and every rank, as JSON (docs/diagnosis.md).
std::string IncidentJson(const Incident& incident);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_INCIDENT_H_
