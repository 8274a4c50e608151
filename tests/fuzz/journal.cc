#include "checkpoint/journal/frames.h"
#include "checkpoint/journal/lineage.h"
#include "checkpoint/journal/scan.h"
#include "checkpoint/journal/step_codec.h"
#include "glog/logging.h"
#include "runtime/state/step_log.h"
#include "tests/fuzz/targets.h"

namespace perdure {

void FuzzJournal(absl::string_view bytes) {
  StepLog steps;
  uint64_t before = 0;
  const auto scan = ScanJournal(
      bytes, "fuzz", [&](const JournalRecord& record, JournalPosition end) {
        CHECK_GT(end.bytes, before);
        CHECK_LE(end.bytes, bytes.size());
        before = end.bytes;
        // Whatever a record holds, it becomes a step and a record again.
        const StepRecord step = DecodeStep(record.step(), JournalConstants());
        CHECK_EQ(EncodeStep(step).step(), record.step().step());
        steps.Append(step);
      });
  if (!scan.ok()) return;
  CHECK_EQ(scan->end.bytes + scan->ignored_bytes, bytes.size());
  CHECK_LE(scan->after_header.bytes, scan->end.bytes);
  const auto lineage = Lineage::Of({scan->header});
  CHECK(lineage.ok()) << lineage.status();
  CHECK(lineage->Allows(scan->header.generation(), scan->header.fork_step()));
  CHECK_LE(steps.From(1).size(), steps.size());
}

}  // namespace perdure
