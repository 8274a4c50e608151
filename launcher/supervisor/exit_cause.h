#ifndef PERDURE_LAUNCHER_SUPERVISOR_EXIT_CAUSE_H_
#define PERDURE_LAUNCHER_SUPERVISOR_EXIT_CAUSE_H_

// What the end of mpirun means: its exit code, what it printed and what the
// ranks said last, put together. Pure.

#include <optional>
#include <string>
#include <vector>

#include "launcher/supervisor/child_process.h"
#include "launcher/supervisor/rank_table.h"
#include "launcher/supervisor/verdict.h"

namespace perdure {

struct ExitCause {
  std::optional<Verdict> verdict;     // none: all ranks ended in order
  int exit_code = 0;                  // of the job
  int signal = 0;                     // that ended the guilty rank
  std::optional<int> rank_exit_code;  // that it left with by itself
};

// `mpirun_lines`: what mpirun printed itself. A job is done only if every rank
// has said so: mpirun leaves with 0 also when a rank aborts with 0.
ExitCause ExplainExit(const RankTable& table, const ExitState& exit,
                      const std::vector<std::string>& mpirun_lines);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_EXIT_CAUSE_H_
