#ifndef PERDURE_CHECKPOINT_JOURNAL_CONSTANTS_H_
#define PERDURE_CHECKPOINT_JOURNAL_CONSTANTS_H_

// The constants of a run's updates, as its journal records them.

#include "checkpoint/journal/journal.pb.h"
#include "runtime/base/status.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// `config` is resolved.
JournalConstants ConstantsOf(const RunConfig& config);

// Whether updates that were made under `written` come out the same under
// `now`. FailedPrecondition lists everything that replay needs and that
// differs: method, noise, seed, dtype, rounding, the parameters and which of
// them are trained and decay. Learning rates may differ: records have what came
// of them.
absl::Status CheckReplayable(const JournalConstants& written,
                             const JournalConstants& now);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_CONSTANTS_H_
