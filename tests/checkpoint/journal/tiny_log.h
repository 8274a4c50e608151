#ifndef PERDURE_TESTS_CHECKPOINT_JOURNAL_TINY_LOG_H_
#define PERDURE_TESTS_CHECKPOINT_JOURNAL_TINY_LOG_H_

// Steps and logs for tests.

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/journal/generation_log.h"
#include "checkpoint/journal/scan.h"
#include "runtime/state/step_record.h"

namespace perdure {

// A zeroth-order step with `directions` directions; every number in it depends
// on the step.
StepRecord ZerothOrderStep(int64_t step, int directions = 1);

// Of run "run", zeroth-order, eps 1e-3.
JournalHeader TinyHeader();

// A log of generation 1 with steps 1 to `steps`, as the bytes of its file.
std::string TinyLog(int64_t steps);

// What a scan of `bytes` visits.
struct Scanned {
  absl::StatusOr<JournalScan> scan;
  std::vector<int64_t> steps;
};
Scanned ScanSteps(absl::string_view bytes);

}  // namespace perdure

#endif  // PERDURE_TESTS_CHECKPOINT_JOURNAL_TINY_LOG_H_
