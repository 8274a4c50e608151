// Trainer: saving the state behind training.

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "checkpoint/snapshot/restart_attempts.h"
#include "launcher/train/trainer.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

std::string Describe(const SaveReport& report) {
  std::string text =
      absl::StrFormat("step %d  snapshot saved: %s in %.2f s", report.step,
                      HumanBytes(report.bytes), report.seconds);
  if (report.seconds > 0) {
    absl::StrAppend(&text, ", ",
                    HumanBytes(static_cast<uint64_t>(
                        static_cast<double>(report.bytes) / report.seconds)),
                    "/s");
  }
  absl::StrAppendFormat(&text, "; training stood still for %.3f s",
                        report.stall_seconds);
  if (report.waited_seconds > 0.001) {
    absl::StrAppendFormat(&text,
                          ", %.3f s of it for room: snapshot.pool_mb is small",
                          report.waited_seconds);
  }
  return text;
}

}  // namespace

SnapshotSaverOptions Trainer::SaverOptions() const {
  const SnapshotConfig& config = config_.snapshot();
  SnapshotSaverOptions options;
  options.snapshot.run_dir = flags_.run_dir;
  options.snapshot.model = config_.model();
  options.snapshot.tokenizer_dir = tokenizer_dir_;
  options.snapshot.keep_last = config.keep_last();
  options.snapshot.keep_every = config.keep_every();
  options.snapshot.keep_best = config.keep_best();
  options.snapshot.best_by_accuracy =
      config.best_by() == SnapshotConfig::VALIDATION_ACCURACY;
  options.snapshot.pinned.assign(config.pinned().begin(),
                                 config.pinned().end());
  options.snapshot.counts = journal_.counts();
  options.snapshot.may_commit = journal_.may_commit();
  options.pool_bytes = static_cast<uint64_t>(config.pool_mb()) << 20;
  options.stream = device_->stream();
  options.drain = absl::Seconds(config.drain_seconds());
  options.per_node = config.layout() == SnapshotConfig::PER_NODE;
  options.node = environment_.session.host;
  return options;
}

absl::Status Trainer::MakeSaver() {
  if (saver_ != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(saver_,
                   SnapshotSaver::Create(*world_, storage_, SaverOptions()));
  return absl::OkStatus();
}

absl::Status Trainer::Save() {
  if (saved_step_ == run_.step || saving_step_ == run_.step) {
    return absl::OkStatus();
  }
  // What a snapshot has is taken as right from then on.
  RETURN_IF_ERROR(engine_->CheckReplicas(run_.step));
  // No snapshot is ahead of the journal.
  RETURN_IF_ERROR(journal_.Sync());
  const PhaseScope phase(board(), Phase::kSave);
  TraceScope trace(&trace_, Trace::Lane::kCompute, "snapshot");
  RETURN_IF_ERROR(MakeSaver());
  RunState run = run_;
  if (evaluation_.has_value() && evaluation_->step == run_.step) {
    run.validation_loss = evaluation_->loss;
    run.validation_accuracy = evaluation_->accuracy;
  }
  RETURN_IF_ERROR(
      saver_->Begin(run, engine_->SaveMap(),
                    [this](StateSink* sink) { return engine_->Give(sink); }));
  saving_step_ = run_.step;
  return TellSaved();
}

void Trainer::TrustSnapshot() {
  if (std::exchange(snapshot_trusted_, true) || !reports()) return;
  const absl::Status forgotten = ForgetRestartAttempts(flags_.run_dir);
  if (!forgotten.ok()) Note(absl::StrCat("warning: ", forgotten.message()));
}

absl::Status Trainer::PollSaving() {
  TrustSnapshot();
  if (saver_ == nullptr || !saver_->busy()) return absl::OkStatus();
  RETURN_IF_ERROR(saver_->Poll());
  return TellSaved();
}

absl::Status Trainer::FinishSaving() {
  if (saver_ == nullptr) return absl::OkStatus();
  const PhaseScope phase(board(), Phase::kSave);
  RETURN_IF_ERROR(saver_->Finish());
  return TellSaved();
}

absl::Status Trainer::SaveAndWait() {
  // One of this step that is under way will do; if it failed there is another.
  RETURN_IF_ERROR(FinishSaving());
  RETURN_IF_ERROR(Save());
  RETURN_IF_ERROR(FinishSaving());
  return saved_step_ == run_.step ? absl::OkStatus() : save_status_;
}

// A save that failed does not stop training: the snapshot before it is there
// still, and the next save may succeed. One that a newer launch of the run has
// forestalled does: this launch is to end.
absl::Status Trainer::TellSaved() {
  for (const SaveReport& report : saver_->TakeReports()) {
    save_status_ = report.status;
    if (saving_step_ == report.step) saving_step_ = -1;
    if (report.status.ok()) {
      saved_step_ = report.step;
      Note(Describe(report));
    } else if (absl::IsAlreadyExists(report.status)) {
      return report.status;
    } else if (reports()) {
      std::fprintf(stderr,
                   "perdure: warning: %s; training goes on, the last good "
                   "snapshot is %s\n",
                   std::string(report.status.message()).c_str(),
                   saved_step_ < 0
                       ? "none"
                       : absl::StrCat("of step ", saved_step_).c_str());
    }
  }
  return absl::OkStatus();
}

}  // namespace perdure
