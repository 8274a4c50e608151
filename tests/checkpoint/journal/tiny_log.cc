#include "tests/checkpoint/journal/tiny_log.h"

#include "checkpoint/journal/frames.h"
#include "checkpoint/journal/step_codec.h"

namespace perdure {

StepRecord ZerothOrderStep(int64_t step, int directions) {
  StepRecord record;
  const double t = static_cast<double>(step);
  record.step = step;
  record.loss = 2.5 + 1 / t;
  record.tokens = 4096 + step;
  record.samples_end = 16 * step;
  record.learning_rate = 1e-5 * t;
  record.seconds = 0.25;
  record.decay = 0.99999f;
  record.grad_squared = static_cast<float>(1 / t);
  record.error_squared = static_cast<float>(0.5 / t);
  for (int k = 0; k < directions; ++k) {
    record.loss_plus.push_back(2.6 + k / t);
    record.loss_minus.push_back(2.4 + k / t);
    record.coefficients.push_back(static_cast<float>(-1e-3 * (k + 1) / t));
  }
  return record;
}

JournalHeader TinyHeader() {
  JournalHeader header;
  header.set_version(kJournalVersion);
  header.set_run_id("run");
  header.set_generation(1);
  header.mutable_constants()->set_method("ZEROTH_ORDER");
  header.mutable_constants()->mutable_zeroth_order()->set_eps(1e-3);
  return header;
}

std::string TinyLog(int64_t steps) {
  std::string bytes(kJournalMagic);
  const uint64_t key =
      AppendFrame(0, bytes.size(), TinyHeader().SerializeAsString(), &bytes);
  for (int64_t step = 1; step <= steps; ++step) {
    JournalRecord record;
    *record.mutable_step() = EncodeStep(ZerothOrderStep(step));
    AppendFrame(key, bytes.size(), record.SerializeAsString(), &bytes);
  }
  return bytes;
}

Scanned ScanSteps(absl::string_view bytes) {
  Scanned scanned;
  scanned.scan = ScanJournal(bytes, "gen-1.log",
                             [&](const JournalRecord& record, JournalPosition) {
                               scanned.steps.push_back(record.step().step());
                             });
  return scanned;
}

}  // namespace perdure
