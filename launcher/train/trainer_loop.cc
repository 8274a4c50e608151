// Trainer: the loop over steps.

#include <csignal>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "launcher/train/console.h"
#include "launcher/train/speed_watch.h"
#include "launcher/train/trainer.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {

void Trainer::Note(const std::string& text) {
  if (progress_ != nullptr) progress_->Note(text);
}

// Of the first step; the others send as much.
void Trainer::NoteTraffic(const StepRecord& record) {
  traffic_noted_ = true;
  if (world_->size() == 1) return;
  const auto human = [](int64_t bytes) {
    return HumanBytes(static_cast<uint64_t>(bytes));
  };
  Note(absl::StrCat("rank 0 sends a step: ", human(record.loss_bytes),
                    " of losses across dp and pertp, ", human(record.pp_bytes),
                    " across pp, ", human(record.tp_bytes), " across tp"));
}

absl::Status Trainer::AfterStep(const StepRecord& record) {
  RETURN_IF_ERROR(checks_->CompareRecords(record));
  ASSIGN_OR_RETURN(const std::string difference, journal_.Finish(record));
  if (!difference.empty()) Note(difference);
  if (board() != nullptr) board()->FinishStep(record.step, record.loss);
  if (metrics_ != nullptr) RETURN_IF_ERROR(metrics_->Step(record));
  if (record.zeroth_order() && !traffic_noted_) NoteTraffic(record);
  if (progress_ != nullptr) progress_->Step(record, device_->peak_bytes());
  return absl::OkStatus();
}

absl::Status Trainer::EvaluateAndReport(int* signal) {
  const PhaseScope phase(board(), Phase::kEvaluate);
  ASSIGN_OR_RETURN(
      const Evaluation result,
      engine_->Evaluate(*val_, config_.eval().sequences(), *signal));
  *signal = result.loss.signal;
  EvaluationRecord record;
  record.step = run_.step;
  record.loss = result.loss.mean();
  if (result.accuracy.total > 0) record.accuracy = result.accuracy.mean();
  evaluation_ = record;
  if (metrics_ != nullptr) RETURN_IF_ERROR(metrics_->Evaluation(record));
  std::string line =
      absl::StrFormat("step %d  validation loss %.4f", run_.step, record.loss);
  if (record.accuracy.has_value()) {
    absl::StrAppend(&line, "  accuracy ", DescribeAccuracy(result.accuracy),
                    run_.step == 0 ? ", zero-shot" : "");
  }
  Note(line);
  return absl::OkStatus();
}

absl::Status Trainer::FinishTrace() {
  trace_.Enable(false);
  const RankCoordinates& at = groups_.me;
  const std::string label =
      absl::StrFormat("rank %d: pp %d dp %d pertp %d tp %d", world_->rank(),
                      at.pp, at.dp, at.pertp, at.tp);
  ASSIGN_OR_RETURN(
      const std::vector<std::string> parts,
      AllGatherStrings(*world_, trace_.ToJson(world_->rank(), label)));
  if (!reports()) return absl::OkStatus();
  const std::string path = JoinPath(flags_.run_dir, "trace.json");
  Note(absl::StrCat("trace written to ", path,
                    " (open it in ui.perfetto.dev or chrome://tracing)"));
  return WriteTrace(path, parts);
}

bool Trainer::EvaluationDue() const {
  const int32_t every = config_.eval().every_steps();
  return val_ != nullptr && every > 0 &&
         (run_.step % every == 0 || run_.step == config_.train().steps());
}

// What may not have been done any more behind the last step of the journal.
absl::Status Trainer::CatchUp() {
  int signal = 0;
  if (EvaluationDue()) RETURN_IF_ERROR(EvaluateAndReport(&signal));
  const int32_t save_every = config_.snapshot().every_steps();
  if (save_every > 0 && run_.step % save_every == 0) return Save();
  return absl::OkStatus();
}

absl::Status Trainer::Loop() {
  const absl::Status status = NoteWrongResult(RunSteps());
  // All ranks stop alike: what is on its way to the disk may still get there.
  if (absl::IsOutOfRange(status)) {
    RETURN_IF_ERROR(FinishSaving());
    RETURN_IF_ERROR(FinishTiers());
  }
  if (status.ok() || absl::IsCancelled(status)) RETURN_IF_ERROR(EndTiers());
  if (status.ok()) TrustSnapshot();  // there may have been no step to do
  return status;
}

// A signal to save and go on is answered and taken away.
absl::Status Trainer::SaveIfDue(int* signal) {
  const int32_t every = config_.snapshot().every_steps();
  if (*signal != 0) {
    RETURN_IF_ERROR(SaveAndWait());
  } else if (every > 0 && run_.step % every == 0) {
    RETURN_IF_ERROR(Save());
  }
  if (*signal != SIGUSR2) return absl::OkStatus();
  *signal = 0;
  if (environment_.saved) environment_.saved();
  return absl::OkStatus();
}

absl::StatusOr<bool> Trainer::MakeStep(SpeedWatch* speed, int* signal) {
  LeaveOut();
  faults_.Strike(run_.step + 1, {engine_.get(), faulty_.get()});
  speed->BeginStep();
  ASSIGN_OR_RETURN(const StepRecord record,
                   engine_->Step(*train_, &run_, signal));
  speed->EndStep();
  RETURN_IF_ERROR(PrepareTiers());
  RETURN_IF_ERROR(AfterStep(record));
  RETURN_IF_ERROR(speed->Compare(record.step));
  RETURN_IF_ERROR(PollSaving());
  const double usual = checks_->spikes().median();
  checks_->spikes().Add(record.loss);
  if (!HasSpiked()) return true;
  RETURN_IF_ERROR(RollBack(DescribeSpike(record.loss, usual)));
  return false;
}

absl::Status Trainer::RunSteps() {
  RETURN_IF_ERROR(engine_->CheckReplicas(run_.step));
  if (board() != nullptr) board()->EnterPhase(Phase::kTrain);
  const TraceConfig& trace = config_.trace();
  const int64_t trace_begin = run_.step + trace.first_step();
  const int64_t trace_end = trace_begin + trace.steps();
  const int32_t every = config_.eval().every_steps();
  int64_t evaluated = -1;
  // Where fine-tuning starts from.
  if (run_.step == 0 && val_ != nullptr && config_.has_task() && every > 0) {
    int signal = 0;
    RETURN_IF_ERROR(EvaluateAndReport(&signal));
  }
  if (!resume_.steps.empty()) {
    RETURN_IF_ERROR(CatchUp());
    evaluated = run_.step;
  }
  const auto tell = [this](const std::string& text) {
    Note(text);
    return journal_.Note(JournalEvent::SPEED, run_.step, text);
  };
  const auto watch = [&] {
    return std::make_unique<SpeedWatch>(
        config_, SpeedWatch::Parts{&groups_, engine_.get(), board(),
                                   environment_.session.host, tell});
  };
  std::unique_ptr<SpeedWatch> speed = watch();
  while (run_.step < config_.train().steps()) {
    if (trace.steps() > 0 && run_.step + 1 == trace_begin) trace_.Enable(true);
    int signal = environment_.stop_signal ? environment_.stop_signal() : 0;
    ASSIGN_OR_RETURN(const bool forward, MakeStep(speed.get(), &signal));
    if (!forward) {
      speed = watch();  // the engine is another one
      continue;
    }
    if (trace_.enabled() && run_.step + 1 == trace_end) {
      RETURN_IF_ERROR(FinishTrace());
    }
    if (signal == 0 && val_ != nullptr && every > 0 && run_.step % every == 0) {
      RETURN_IF_ERROR(EvaluateAndReport(&signal));
      evaluated = run_.step;
    }
    RETURN_IF_ERROR(SaveIfDue(&signal));
    if (signal == 0) RETURN_IF_ERROR(SaveInTiers());
    if (signal != 0 && run_.step < config_.train().steps()) {
      RETURN_IF_ERROR(journal_.Note(JournalEvent::STOPPED, run_.step,
                                    absl::StrCat("by signal ", signal)));
      return absl::CancelledError(absl::StrCat("stopped by signal ", signal,
                                               " after saving step ", run_.step,
                                               "; go on with --resume"));
    }
  }
  int signal = 0;
  if (val_ != nullptr && every > 0 && evaluated != run_.step) {
    RETURN_IF_ERROR(EvaluateAndReport(&signal));
  }
  RETURN_IF_ERROR(config_.snapshot().at_end() ? SaveAndWait() : FinishSaving());
  return journal_.Note(JournalEvent::DONE, run_.step, "");
}

}  // namespace perdure
