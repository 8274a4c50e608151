// Trainer: what is done about wrong results and about losses that leave their
// course.

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "launcher/train/journal_referee.h"
#include "launcher/train/model_setup.h"
#include "launcher/train/trainer.h"

namespace perdure {

ResumeSearch Trainer::Search() const {
  ResumeSearch search;
  const ResilienceConfig& resilience = config_.resilience();
  search.quarantine_after = config_.snapshot().quarantine_after();
  search.last_step = last_step_;
  if (resilience.spike_factor() > 0) {
    // The last ones may be spikes in a row, each judged by those before it.
    search.losses = resilience.spike_window() + resilience.spike_steps();
  }
  return search;
}

void Trainer::MakeChecks() {
  checks_ = std::make_unique<StepChecks>(config_.resilience(), &groups_,
                                         environment_.session.host, run_.step);
  engine_->SetChecks(checks_.get());
  for (const double loss : resume_.losses) checks_->spikes().Add(loss);
  skips_ = Skips(config_.resilience());
  if (!resume_.header.has_value()) return;
  for (const JournalRollback& rollback : resume_.header->rollbacks()) {
    skips_.Add(rollback);
  }
}

absl::Status Trainer::NoteWrongResult(const absl::Status& error) {
  const std::optional<Blame> blame = BlameOf(error);
  if (!blame.has_value()) return error;
  const PhaseScope phase(board(), Phase::kLoad);
  const absl::Status settled = blame->certain ? error : Settle(error, *blame);
  // An error of another kind: ranks could no longer talk about it.
  if (!BlameOf(settled).has_value()) return settled;
  RETURN_IF_ERROR(journal_.Note(JournalEvent::SUSPECT, blame->trusted_step,
                                settled.message()));
  return settled;
}

// Whoever computes differently from one time to the next is guilty; so is who
// does not have the weights that follow from the journal, if others have them.
absl::Status Trainer::Settle(const absl::Status& error, const Blame& blame) {
  ASSIGN_OR_RETURN(const uint64_t first, engine_->Recompute(*train_, run_));
  ASSIGN_OR_RETURN(const uint64_t second, engine_->Recompute(*train_, run_));
  const absl::Status repeated =
      checks_->CompareRepeat(run_.step + 1, first, second);
  if (std::optional<Blame> found = BlameOf(repeated)) {
    found->trusted_step = blame.trusted_step;
    return WrongResultError(
        *found, absl::StrCat(error.message(), "; ", repeated.message()));
  }
  RETURN_IF_ERROR(repeated);
  Opinion mine = Opinion::kNone;
  const bool suspect =
      std::count(blame.ranks.begin(), blame.ranks.end(), world_->rank()) > 0;
  if (suspect && config_.train().method() == TrainConfig::ZEROTH_ORDER) {
    mine = AskJournal(flags_.run_dir, run_.step,
                      config_.train().threads_per_rank(), engine_->runtime(),
                      engine_->Digests());
  }
  std::vector<Opinion> all(static_cast<size_t>(world_->size()));
  RETURN_IF_ERROR(world_->AllGather(&mine, sizeof(mine), all.data()));
  Blame found{{}, true, blame.trusted_step};
  for (size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank] == Opinion::kWrong) {
      found.ranks.push_back(static_cast<int>(rank));
    }
  }
  if (found.ranks.empty() || found.ranks == blame.ranks) return error;
  return WrongResultError(
      found, absl::StrCat(error.message(), "; of these, rank ",
                          absl::StrJoin(found.ranks, ", "),
                          " does not have the weights that follow from the "
                          "journal"));
}

bool Trainer::HasSpiked() const {
  return checks_->spikes().in_a_row() >= config_.resilience().spike_steps();
}

std::string Trainer::DescribeSpike(double loss, double usual) const {
  const ResilienceConfig& resilience = config_.resilience();
  const std::string what =
      std::isfinite(loss) ? absl::StrFormat("more than %g times %.4g,",
                                            resilience.spike_factor(), usual)
                          : absl::StrFormat("not finite; %.4g is", usual);
  return absl::StrFormat(
      "step %d: the loss %.4g is %s the median of the %d before it%s",
      run_.step, loss, what, resilience.spike_window(),
      resilience.spike_steps() == 1
          ? ""
          : absl::StrCat("; spike ", resilience.spike_steps(), " in a row"));
}

absl::Status Trainer::RollBack(const std::string& spike) {
  const ResilienceConfig& resilience = config_.resilience();
  const int64_t steps =
      resilience.spike_steps() + resilience.spike_back_steps();
  const size_t number = skips_.rollbacks().size() + 1;
  if (number > static_cast<size_t>(resilience.max_rollbacks())) {
    return absl::OutOfRangeError(absl::StrCat(
        spike, ", and all rollbacks are spent (resilience.max_rollbacks: ",
        resilience.max_rollbacks(), "); lower optim.lr, or look at samples ",
        run_.samples - steps * config_.train().global_batch(), " to ",
        run_.samples - 1));
  }
  const PhaseScope phase(board(), Phase::kLoad);
  JournalRollback rollback;
  rollback.set_step(std::max<int64_t>(0, run_.step - steps));
  rollback.set_end(run_.samples);
  RETURN_IF_ERROR(ReturnTo(rollback.step(), spike));
  rollback.set_begin(resume_.cursor.value_or(
      rollback.end() - steps * config_.train().global_batch()));
  skips_.Add(rollback);
  RETURN_IF_ERROR(BeginGeneration());
  if (reports()) {
    ASSIGN_OR_RETURN(
        metrics_, MetricsLog::Open(flags_.run_dir, run_.step, resume_.steps));
    RETURN_IF_ERROR(
        metrics_->LeftOut(run_.step, rollback.begin(), rollback.end() - 1));
  }
  Note(absl::StrCat(spike, ": back to step ", rollback.step(), " (",
                    weights_from_, "); samples ", rollback.begin(), " to ",
                    rollback.end() - 1, " are left out from now on; rollback ",
                    number, " of at most ", resilience.max_rollbacks()));
  return absl::OkStatus();
}

// The state behind `step`, or, where steps cannot be replayed, at a snapshot
// before it.
absl::Status Trainer::ReturnTo(int64_t step, const std::string& why) {
  RETURN_IF_ERROR(FinishSaving());
  RETURN_IF_ERROR(journal_.Note(JournalEvent::ROLLED_BACK, step, why));
  RETURN_IF_ERROR(FinishTiers());
  // They ask the log that ends here whether they may commit.
  saver_.reset();
  tiers_.reset();
  saved_step_ = saving_step_ = -1;
  snapshot_trusted_ = false;
  evaluation_.reset();
  // Replicas may still be reading each other's weights.
  RETURN_IF_ERROR(world_->Barrier());
  engine_.reset();
  last_step_ = step;
  RETURN_IF_ERROR(FindNodeSnapshots());
  RETURN_IF_ERROR(FindResumePoint());
  if (snapshot_ == nullptr && initial_ == nullptr &&
      config_.model().has_init_from()) {
    ASSIGN_OR_RETURN(ModelSource source,
                     OpenInitialModel(*world_, config_.model().init_from()));
    initial_ = std::make_unique<ModelSource>(std::move(source));
  }
  RETURN_IF_ERROR(MakeEngineWithState());
  RETURN_IF_ERROR(ReplayJournal());
  MakeChecks();
  return absl::OkStatus();
}

void Trainer::LeaveOut() {
  const int64_t next =
      skips_.NextBatch(run_.samples, config_.train().global_batch());
  if (next == run_.samples) return;
  Note(absl::StrCat("step ", run_.step + 1, ": samples ", run_.samples, " to ",
                    next - 1, " are left out"));
  run_.samples = next;
}

}  // namespace perdure
