#include "launcher/train/run_journal.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/journal/constants.h"
#include "checkpoint/journal/step_codec.h"
#include "launcher/train/resume_choice.h"
#include "launcher/train/session.h"
#include "runtime/state/digest.h"

namespace perdure {
namespace {

bool IsZerothOrder(const JournalHeader& header) {
  return header.constants().method() ==
         TrainConfig::Method_Name(TrainConfig::ZEROTH_ORDER);
}

void Warn(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    std::fprintf(stderr, "perdure: warning: %s\n", warning.c_str());
  }
}

// Rank 0's bytes, on all ranks.
absl::Status Share(Communicator& world, std::string* bytes) {
  uint64_t size = bytes->size();
  RETURN_IF_ERROR(world.Broadcast(&size, sizeof(size), 0));
  bytes->resize(size);
  if (size == 0) return absl::OkStatus();
  return world.Broadcast(bytes->data(), size, 0);
}

// The steps that follow one another from `first` on; a warning about others.
absl::Span<const StepRecord> Consecutive(const StepLog& steps, int64_t first,
                                         std::vector<std::string>* warnings) {
  const absl::Span<const StepRecord> usable = steps.From(first);
  if (usable.size() < steps.size()) {
    const int64_t missing = first + static_cast<int64_t>(usable.size());
    warnings->push_back(absl::StrCat(
        "step ", missing, " is missing in the journal: steps ", missing, " to ",
        steps.last(), " are lost and will be done again"));
  }
  return usable;
}

// What the slice says of the steps up to `point`, where the run goes on.
absl::Status AddHistory(const Journal& journal, const ResumeSearch& search,
                        int64_t point, JournalSlice* slice) {
  const bool cursor = search.last_step != INT64_MAX;
  if (journal.empty() || (search.losses == 0 && !cursor)) {
    return absl::OkStatus();
  }
  if (search.last_step == 0) slice->set_cursor(0);
  std::vector<std::string> warned_of;
  ASSIGN_OR_RETURN(
      const StepLog steps,
      journal.Steps(std::max<int64_t>(0, point - search.losses), &warned_of));
  for (const StepRecord& step : steps.records()) {
    if (step.step <= point) slice->add_losses(step.loss);
    if (step.step == search.last_step) slice->set_cursor(step.samples_end);
  }
  return absl::OkStatus();
}

}  // namespace

RunState ResumePoint::run() const {
  if (snapshot != nullptr) return snapshot->run();
  RunState run;
  if (header.has_value()) {
    run.run_id = header->run_id();
    run.generation = header->generation();
  }
  return run;
}

const std::string& ResumePoint::config_text() const {
  return header.has_value() ? header->config_text()
                            : snapshot->run().config_text;
}

RunJournal::RunJournal(Communicator* world, std::string run_dir,
                       std::string host, std::shared_ptr<Storage> storage)
    : world_(world),
      run_dir_(std::move(run_dir)),
      host_(std::move(host)),
      storage_(std::move(storage)) {}

absl::Status RunJournal::FindCopies(int copies) {
  if (copies_ != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(copies_, JournalCopies::Find(*world_, *storage_, run_dir_,
                                                host_, copies));
  return absl::OkStatus();
}

absl::StatusOr<std::string> RunJournal::ReadOnRankZero(
    const ResumeSearch& search) {
  ASSIGN_OR_RETURN(Journal journal, Journal::Open(run_dir_));
  std::vector<std::string> warnings;
  absl::StatusOr<std::string> slice =
      ReadSlice(search, std::move(journal), &warnings);
  Warn(warnings);
  return slice;
}

absl::StatusOr<std::string> RunJournal::ReadSlice(
    const ResumeSearch& search, Journal journal,
    std::vector<std::string>* warnings) {
  const bool replays = !journal.empty() && IsZerothOrder(journal.head());
  ASSIGN_OR_RETURN(const int64_t trusted, journal.TrustedStep());
  ResumeSearch limited = search;
  limited.last_step = std::min(trusted, search.last_step);
  ASSIGN_OR_RETURN(const ResumeChoice choice,
                   ChooseSnapshot(run_dir_, limited, journal, warnings));
  JournalSlice slice;
  slice.set_snapshot(choice.directory);
  if (choice.of_nodes >= 0) slice.set_of_nodes(choice.of_nodes);
  if (!journal.empty()) {
    *slice.mutable_header() = journal.head();
    ASSIGN_OR_RETURN(StepLog steps, journal.Steps(choice.step, warnings));
    if (replays) {
      for (const StepRecord& step :
           Consecutive(steps, choice.step + 1, warnings)) {
        if (step.step <= limited.last_step)
          *slice.add_steps() = EncodeStep(step);
      }
    } else {
      before_ = StepLog();
      for (const StepRecord& step : steps.records()) {
        if (step.step <= limited.last_step) before_.Append(step);
      }
    }
    if (steps.last() > trusted) {
      warnings->push_back(
          absl::StrCat("steps after ", trusted,
                       " were found to be suspect (a machine "
                       "computed wrongly) and will be done again"));
    }
  }
  RETURN_IF_ERROR(AddHistory(
      journal, search, choice.step + static_cast<int64_t>(slice.steps_size()),
      &slice));
  seen_ = std::make_unique<Journal>(std::move(journal));
  return slice.SerializeAsString();
}

absl::StatusOr<ResumePoint> RunJournal::FindResumePoint(
    const ResumeSearch& search) {
  RETURN_IF_ERROR(copies_->Fetch());
  std::string bytes;
  RETURN_IF_ERROR(OnRankZero(*world_, [&]() -> absl::StatusOr<std::string> {
                    ASSIGN_OR_RETURN(bytes, ReadOnRankZero(search));
                    return std::string();
                  }).status());
  RETURN_IF_ERROR(Share(*world_, &bytes));
  JournalSlice slice;
  if (!slice.ParseFromString(bytes)) {
    return absl::InternalError("rank 0 sent no JournalSlice");
  }
  ResumePoint point;
  if (slice.has_of_nodes()) {
    const TierSnapshot chosen =
        search.nodes->listing().complete[static_cast<size_t>(slice.of_nodes())];
    absl::StatusOr<std::unique_ptr<Snapshot>> opened =
        search.nodes->Open(chosen);
    if (!opened.ok()) {
      if (world_->rank() == 0) {
        Warn({absl::StrCat("snapshot of step ", chosen.step, " in ",
                           TierName(chosen.tier),
                           " is skipped: ", opened.status().message())});
      }
      search.nodes->Drop(chosen);
      return FindResumePoint(search);
    }
    point.snapshot = *std::move(opened);
    point.of_nodes = chosen;
  } else if (!slice.snapshot().empty()) {
    ASSIGN_OR_RETURN(point.snapshot, Snapshot::Open(slice.snapshot()));
  }
  if (slice.has_header()) point.header = slice.header();
  for (const JournalStep& step : slice.steps()) {
    point.steps.push_back(DecodeStep(step, slice.header().constants()));
  }
  point.losses.assign(slice.losses().begin(), slice.losses().end());
  if (slice.has_cursor()) point.cursor = slice.cursor();
  return point;
}

absl::StatusOr<std::string> RunJournal::Write(
    const std::function<absl::StatusOr<std::string>()>& on_rank_zero) {
  if (copies_->keeper() != nullptr) {
    RETURN_IF_ERROR(copies_->keeper()->Serve());
  }
  if (world_->rank() != 0) return std::string();
  absl::StatusOr<std::string> result = on_rank_zero();
  // Whatever came of it, the keeper is not to wait.
  if (LogMirror* mirror = copies_->mirror()) {
    const absl::Status released = mirror->Release();
    if (result.ok()) RETURN_IF_ERROR(released);
  }
  return result;
}

absl::StatusOr<std::string> RunJournal::BeginOnRankZero(const RunConfig& config,
                                                        const Start& start,
                                                        const RunState& run) {
  if (seen_ == nullptr) {
    ASSIGN_OR_RETURN(Journal journal, Journal::Open(run_dir_));
    seen_ = std::make_unique<Journal>(std::move(journal));
  }
  JournalHeader header;
  header.set_run_id(run.run_id);
  header.set_parent_generation(run.generation);
  header.set_snapshot(start.snapshot);
  header.set_snapshot_step(start.snapshot_step);
  header.set_initial_digest(start.initial_digest);
  *header.mutable_constants() = ConstantsOf(config);
  header.set_config_text(run.config_text);
  header.set_config_digest(
      Checksum(run.config_text.data(), run.config_text.size()));
  header.set_topology(run.topology);
  header.set_isa(start.isa);
  header.set_host(start.host);
  header.mutable_rollbacks()->Add(start.rollbacks.begin(),
                                  start.rollbacks.end());
  header.set_unix_seconds(absl::ToUnixSeconds(absl::Now()));
  same_bits_ = !seen_->empty() && seen_->head().topology() == run.topology &&
               seen_->head().isa() == start.isa;
  const int64_t above = std::max(run.generation, copies_->highest_generation());
  ASSIGN_OR_RETURN(log_, BeginGeneration(*storage_, *seen_, above, run.step,
                                         std::move(header), copies_->mirror()));
  log_->SyncEvery(config.journal().sync_every_steps());
  RETURN_IF_ERROR(
      log_->AppendEvent(JournalEvent::STARTED, run.step, start.text));
  ASSIGN_OR_RETURN(const Journal now, Journal::Open(run_dir_));
  lineage_ = now.lineage();
  return absl::StrCat(log_->generation(), " ", now.head().parent_generation());
}

absl::Status RunJournal::Begin(const RunConfig& config, const Start& start,
                               RunState* run) {
  const absl::StatusOr<std::string> begun =
      Write([&] { return BeginOnRankZero(config, start, *run); });
  ASSIGN_OR_RETURN(const std::string numbers,
                   OnRankZero(*world_, [&] { return begun; }));
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(numbers, ' ');
  if (!absl::SimpleAtoi(parts.first, &run->generation) ||
      !absl::SimpleAtoi(parts.second, &run->parent_generation)) {
    return absl::InternalError("rank 0 sent no generation");
  }
  run->fork_step = run->step;
  return absl::OkStatus();
}

std::string RunJournal::CompareWithBefore(const StepRecord& record) {
  const StepRecord* before = before_.Find(record.step);
  if (before == nullptr || differences_ >= 3) return "";
  // Sums in another order: rounding alone makes no more than this.
  constexpr double kTolerance = 1e-2;
  const double difference = std::abs(record.loss - before->loss);
  const bool equal = same_bits_
                         ? record.loss == before->loss
                         : difference <= kTolerance * std::abs(before->loss);
  if (equal || (std::isnan(record.loss) && std::isnan(before->loss))) return "";
  ++differences_;
  return absl::StrFormat(
      "warning: step %d is done again and its loss is %.9g, not %.9g as the "
      "journal has it: the data, the program or a machine has changed%s",
      record.step, record.loss, before->loss,
      differences_ == 3 ? " (further differences are not shown)" : "");
}

absl::StatusOr<std::string> RunJournal::FinishOnRankZero(
    const StepRecord& record) {
  RETURN_IF_ERROR(log_->AppendStep(record));
  const std::string difference = CompareWithBefore(record);
  if (!difference.empty()) {
    RETURN_IF_ERROR(
        log_->AppendEvent(JournalEvent::DIFFERS, record.step, difference));
  }
  return difference;
}

absl::StatusOr<std::string> RunJournal::Finish(const StepRecord& record) {
  return Write([&] { return FinishOnRankZero(record); });
}

absl::Status RunJournal::Note(JournalEvent::Kind kind, int64_t step,
                              absl::string_view text) {
  return Write([&]() -> absl::StatusOr<std::string> {
           RETURN_IF_ERROR(log_->AppendEvent(kind, step, text));
           return std::string();
         })
      .status();
}

absl::Status RunJournal::Sync() {
  return Write([&]() -> absl::StatusOr<std::string> {
           RETURN_IF_ERROR(log_->Sync());
           return std::string();
         })
      .status();
}

SnapshotFilter RunJournal::counts() const {
  return [lineage = lineage_](int64_t generation, int64_t step) {
    return lineage.Allows(generation, step);
  };
}

std::function<absl::Status()> RunJournal::may_commit() const {
  return [log = log_.get()] {
    return log == nullptr ? absl::OkStatus() : log->CheckNewest();
  };
}

absl::StatusOr<uint64_t> DigestOfRanks(Communicator& world,
                                       const std::vector<StatePiece>& pieces) {
  uint64_t digest = 0;
  for (const StatePiece& piece : pieces) {
    if (piece.kind != StateKind::kWeight) continue;
    digest += StateDigest(piece);
  }
  // Halves, because a sum of signed numbers must not overflow.
  int64_t halves[2] = {static_cast<int64_t>(digest & 0xffffffffu),
                       static_cast<int64_t>(digest >> 32)};
  RETURN_IF_ERROR(world.AllReduce(halves, 2, DType::kI64, ReduceOp::kSum));
  return static_cast<uint64_t>(halves[0]) +
         (static_cast<uint64_t>(halves[1]) << 32);
}

}  // namespace perdure
