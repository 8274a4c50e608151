#ifndef PERDURE_CHECKPOINT_CONVERT_VERBS_H_
#define PERDURE_CHECKPOINT_CONVERT_VERBS_H_

// What each verb does. Private to this component.

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "checkpoint/convert/commands.h"
#include "runtime/base/status.h"

namespace perdure {

using Operands = std::vector<std::string>;
using VerbFunction = absl::StatusOr<int> (*)(const Operands& operands,
                                             const CheckpointFlags& flags,
                                             const CheckpointOutput& output);

absl::StatusOr<int> RunConvert(const Operands&, const CheckpointFlags&,
                               const CheckpointOutput&);
absl::StatusOr<int> RunImport(const Operands&, const CheckpointFlags&,
                              const CheckpointOutput&);
absl::StatusOr<int> RunExport(const Operands&, const CheckpointFlags&,
                              const CheckpointOutput&);
absl::StatusOr<int> RunRules(const Operands&, const CheckpointFlags&,
                             const CheckpointOutput&);
absl::StatusOr<int> RunInspect(const Operands&, const CheckpointFlags&,
                               const CheckpointOutput&);
absl::StatusOr<int> RunVerify(const Operands&, const CheckpointFlags&,
                              const CheckpointOutput&);
absl::StatusOr<int> RunDiff(const Operands&, const CheckpointFlags&,
                            const CheckpointOutput&);
absl::StatusOr<int> RunPrune(const Operands&, const CheckpointFlags&,
                             const CheckpointOutput&);
absl::StatusOr<int> RunDu(const Operands&, const CheckpointFlags&,
                          const CheckpointOutput&);

// A line about work on bytes, overwritten five times a second.
class ByteProgressLine {
 public:
  explicit ByteProgressLine(std::ostream* stream) : stream_(stream) {}
  ~ByteProgressLine();
  void Update(uint64_t done, uint64_t total);
  double seconds() const { return absl::ToDoubleSeconds(absl::Now() - start_); }

 private:
  std::ostream* const stream_;
  const absl::Time start_ = absl::Now();
  double shown_ = 0;
};

// "1.24 GB/s"
std::string RateText(uint64_t bytes, double seconds);

// A snapshot, rather than a run directory; and the snapshots of the latter,
// newest first, NotFound if there are none.
bool IsOneSnapshot(const std::string& dir);
absl::StatusOr<std::vector<std::string>> SnapshotsOf(const std::string& dir);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_VERBS_H_
