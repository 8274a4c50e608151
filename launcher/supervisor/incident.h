#ifndef PERDURE_LAUNCHER_SUPERVISOR_INCIDENT_H_
#define PERDURE_LAUNCHER_SUPERVISOR_INCIDENT_H_

// A failure and what came of it, told so that somebody woken up by it knows
// what to do.

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/supervisor/exit_cause.h"
#include "launcher/supervisor/policy.h"
#include "launcher/supervisor/rank_table.h"

namespace perdure {

struct Incident {
  int64_t number = 0;  // of the run, from 1
  int64_t generation = 0;
  std::string time;  // UTC
  ExitCause cause;
  double detected_after =
      0;  // seconds from the last sign of life to the verdict
  Decision decision;
  std::vector<std::string> evidence;  // lines of logs
  std::vector<std::string> ranks;     // a line each: what it was doing
  int64_t finished_step = 0;
};

// About 15 lines.
std::string IncidentText(const Incident& incident);

// Lines of a failure's own words among what a rank printed: errors first.
std::vector<std::string> PickEvidence(const std::vector<std::string>& lines,
                                      size_t most);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_INCIDENT_H_
