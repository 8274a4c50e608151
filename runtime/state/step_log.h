#ifndef PERDURE_RUNTIME_STATE_STEP_LOG_H_
#define PERDURE_RUNTIME_STATE_STEP_LOG_H_

// Finished steps of a run, in memory. The journal keeps them on disk.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "runtime/state/step_record.h"

namespace perdure {

class StepLog {
 public:
  // Steps ascend: one that is not above the last is left out, and false comes
  // back. Steps may be missing in between.
  bool Append(StepRecord record);

  bool empty() const { return records_.empty(); }
  size_t size() const { return records_.size(); }
  int64_t last() const { return empty() ? 0 : records_.back().step; }
  const std::vector<StepRecord>& records() const { return records_; }

  // nullptr if there is none.
  const StepRecord* Find(int64_t step) const;
  // Steps first, first + 1, ... as far as none is missing.
  absl::Span<const StepRecord> From(int64_t first) const;

 private:
  std::vector<StepRecord> records_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_STATE_STEP_LOG_H_
