// Trainer: from the weights of a snapshot, or the initial ones, to where the
// journal ends; and the generation that begins there.

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "checkpoint/journal/constants.h"
#include "launcher/train/session.h"
#include "launcher/train/trainer.h"
#include "runtime/base/text.h"
#include "runtime/config/config.h"
#include "runtime/optim/zeroth_order.h"

namespace perdure {
namespace {

// Steps whose updates go through memory together: many enough that the noise,
// not memory, sets the pace, and some megabytes of coefficients at most.
constexpr size_t kStepsAPass = 4096;

// Names a run for good: the time it began and what chance adds to it.
std::string NewRunId() {
  std::random_device random;
  return absl::StrFormat("%d-%08x", absl::ToUnixSeconds(absl::Now()), random());
}

std::string BaseName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

absl::Status CheckInitialWeights(const ResumePoint& resume, uint64_t digest,
                                 const std::string& from) {
  if (!resume.header.has_value()) return absl::OkStatus();
  const uint64_t want = resume.header->initial_digest();
  if (want == digest || want == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "the run has no snapshot to go on from, and its initial weights (%s) are "
      "no longer what it started from: digest %016x, not %016x; put them back, "
      "or start a new run",
      from, digest, want));
}

}  // namespace

absl::Status Trainer::ReplayJournal() {
  if (snapshot_ != nullptr) {
    if (resume_.header) initial_digest_ = resume_.header->initial_digest();
  } else {
    run_ = resume_.run();
    ASSIGN_OR_RETURN(const SavedPieces weights, engine_->Pieces());
    ASSIGN_OR_RETURN(initial_digest_, DigestOfRanks(*world_, weights.pieces));
    RETURN_IF_ERROR(
        CheckInitialWeights(resume_, initial_digest_, weights_from_));
  }
  if (!resume_.exists()) return absl::OkStatus();
  const absl::Time start = absl::Now();
  const absl::Span<const StepRecord> steps = resume_.steps;
  if (!steps.empty()) {
    RETURN_IF_ERROR(
        CheckReplayable(resume_.header->constants(), ConstantsOf(config_)));
  }
  for (size_t done = 0; done < steps.size(); done += kStepsAPass) {
    RETURN_IF_ERROR(engine_->Replay(steps.subspan(done, kStepsAPass)));
  }
  for (const StepRecord& step : steps) Advance(step, &run_);
  weights_from_ =
      absl::StrCat("resumed at step ", run_.step, " from ", weights_from_);
  if (!steps.empty()) {
    absl::StrAppendFormat(
        &weights_from_, ", %d steps replayed from the journal in %s",
        steps.size(),
        HumanDuration(absl::ToDoubleSeconds(absl::Now() - start)));
  }
  const std::string isa = BestZerothOrderKernels().isa;
  if (resume_.header.has_value() && resume_.header->isa() != isa) {
    absl::StrAppend(&weights_from_, ", on ", isa, ", before on ",
                    resume_.header->isa(),
                    ": losses may differ in their last bits");
  }
  return absl::OkStatus();
}

absl::Status Trainer::BeginGeneration() {
  if (!resume_.exists()) {
    ASSIGN_OR_RETURN(run_.run_id, OnRankZero(*world_, [] {
                       return absl::StatusOr<std::string>(NewRunId());
                     }));
  }
  run_.topology = groups_.topology.ToString();
  run_.config_text = ConfigToText(config_);
  RunJournal::Start start;
  if (snapshot_ != nullptr) {
    start.snapshot = BaseName(snapshot_->directory());
    start.snapshot_step = snapshot_->run().step;
  }
  start.initial_digest = initial_digest_;
  start.isa = BestZerothOrderKernels().isa;
  start.host = environment_.session.host;
  start.text = weights_from_;
  start.rollbacks = skips_.rollbacks();
  return journal_.Begin(config_, start, &run_);
}

}  // namespace perdure
