#include "runtime/state/step_log.h"

#include <algorithm>
#include <utility>

namespace perdure {
namespace {

auto LowerBound(const std::vector<StepRecord>& records, int64_t step) {
  return std::lower_bound(
      records.begin(), records.end(), step,
      [](const StepRecord& record, int64_t s) { return record.step < s; });
}

}  // namespace

bool StepLog::Append(StepRecord record) {
  if (!empty() && record.step <= last()) return false;
  records_.push_back(std::move(record));
  return true;
}

const StepRecord* StepLog::Find(int64_t step) const {
  const auto found = LowerBound(records_, step);
  return found == records_.end() || found->step != step ? nullptr : &*found;
}

absl::Span<const StepRecord> StepLog::From(int64_t first) const {
  const auto begin = LowerBound(records_, first);
  auto end = begin;
  for (int64_t step = first; end != records_.end() && end->step == step;
       ++step) {
    ++end;
  }
  return absl::MakeConstSpan(records_).subspan(
      static_cast<size_t>(begin - records_.begin()),
      static_cast<size_t>(end - begin));
}

}  // namespace perdure
