#ifndef PERDURE_LAUNCHER_SUPERVISOR_DIAGNOSE_END_H_
#define PERDURE_LAUNCHER_SUPERVISOR_DIAGNOSE_END_H_

#include "launcher/diagnosis/diagnosis.h"
#include "launcher/supervisor/log_router.h"
#include "launcher/supervisor/policy.h"
#include "launcher/supervisor/rank_table.h"

namespace perdure {

// Why a generation ended that has a verdict: the rules over the last lines of
// the guilty, of mpirun and of the others, in this order.
Diagnosis DiagnoseEnd(const RuleBook& rules, const GenerationEnd& end,
                      const RankTable& table, const LogRouter& logs);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_DIAGNOSE_END_H_
