#include "absl/strings/str_cat.h"
#include "runtime/config/problems.h"

namespace perdure {
namespace {

void CheckBatch(const RunConfig& config, Problems* problems) {
  const TrainConfig& train = config.train();
  if (train.has_global_batch()) {
    problems->RequireAtLeast("train.global_batch", train.global_batch(), 1);
  }
  if (train.has_micro_batch()) {
    problems->RequireAtLeast("train.micro_batch", train.micro_batch(), 1);
    if (train.has_global_batch() &&
        train.micro_batch() > train.global_batch()) {
      problems->Add(
          "train.micro_batch",
          absl::StrCat(train.micro_batch(),
                       " exceeds train.global_batch = ", train.global_batch(),
                       "; make it smaller, or leave it out"));
    }
  }
  if (!train.has_sequence_length()) return;
  problems->RequireAtLeast("train.sequence_length", train.sequence_length(), 1);
  if (config.model().has_context() &&
      train.sequence_length() > config.model().context()) {
    problems->Add(
        "train.sequence_length",
        absl::StrCat(train.sequence_length(),
                     " exceeds model.context = ", config.model().context(),
                     "; shorten it, or raise model.context"));
  }
}

void CheckTrainSection(const RunConfig& config, bool for_training,
                       Problems* problems) {
  const TrainConfig& train = config.train();
  if (for_training && !train.has_steps()) {
    problems->Add("train.steps", "is missing; give the number of steps");
  }
  if (for_training && !train.has_global_batch()) {
    problems->Add("train.global_batch",
                  "is missing; give the number of sequences a step");
  }
  if (train.has_steps()) {
    problems->RequireAtLeast("train.steps", train.steps(), 1);
  }
  problems->RequireWithin("train.threads_per_rank", train.threads_per_rank(), 1,
                          4096);
  problems->RequireAtLeast("train.log_every", train.log_every(), 1);
  problems->RequireAtLeast("journal.sync_every_steps",
                           config.journal().sync_every_steps(), 1);
  const int32_t copies = config.journal().copies();
  if (copies < 0 || copies > 2) {
    problems->Add("journal.copies",
                  absl::StrCat(copies,
                               " is not possible; give 1, 2, or 0 for "
                               "two where the nodes share no run "
                               "directory"));
  }
  problems->RequireAtLeast("train.max_bad_steps", train.max_bad_steps(), 1);
  if (train.spike_factor() != 0 && !(train.spike_factor() > 1)) {
    problems->Add("train.spike_factor",
                  absl::StrCat(train.spike_factor(),
                               " would make ordinary losses spikes; give more "
                               "than 1, or 0 to switch it off"));
  }
  CheckBatch(config, problems);
}

void CheckEval(const RunConfig& config, bool for_training, Problems* problems) {
  const EvalConfig& eval = config.eval();
  problems->RequireAtLeast("eval.every_steps", eval.every_steps(), 0);
  problems->RequireAtLeast("eval.sequences", eval.sequences(), 0);
  const DataConfig& data = config.data();
  const TaskConfig& task = config.task();
  const bool has_split = config.has_task()
                             ? task.val_size() > 0 || task.val_examples() > 0
                             : data.val_size() > 0 || data.val_fraction() > 0;
  if (for_training && eval.every_steps() > 0 && !has_split) {
    problems->Add(
        "eval.every_steps",
        absl::StrCat(eval.every_steps(),
                     ", but there is no validation data; give ",
                     config.has_task() ? "task.val or task.val_examples"
                                       : "data.val or data.val_fraction"));
  }
}

// Where nodes keep snapshots for themselves.
void CheckTiers(const SnapshotConfig& snapshot, Problems* problems) {
  problems->RequireAtLeast("snapshot.local_every_steps",
                           snapshot.local_every_steps(), 0);
  problems->RequireAtLeast("snapshot.memory_every_steps",
                           snapshot.memory_every_steps(), 0);
  const bool has_directory = !snapshot.local_directory().empty();
  if (snapshot.local_every_steps() > 0 && !has_directory) {
    problems->Add("snapshot.local_directory",
                  "is missing; name a directory on every node's own disk for "
                  "snapshot.local_every_steps");
  }
  const auto require_absolute = [&](const char* field,
                                    const std::string& path) {
    if (!path.empty() && path[0] == '/') return;
    problems->Add(field, absl::StrCat("'", path,
                                      "' is no absolute path; it is to be the "
                                      "same on every node"));
  };
  if (has_directory) {
    require_absolute("snapshot.local_directory", snapshot.local_directory());
  }
  require_absolute("snapshot.memory_directory", snapshot.memory_directory());
}

void CheckSnapshot(const SnapshotConfig& snapshot, Problems* problems) {
  CheckTiers(snapshot, problems);
  problems->RequireAtLeast("snapshot.every_steps", snapshot.every_steps(), 0);
  problems->RequireAtLeast("snapshot.keep_last", snapshot.keep_last(), 0);
  problems->RequireAtLeast("snapshot.keep_every", snapshot.keep_every(), 0);
  problems->RequireAtLeast("snapshot.keep_best", snapshot.keep_best(), 0);
  problems->RequireAtLeast("snapshot.pool_mb", snapshot.pool_mb(), 0);
  problems->RequireAtLeast("snapshot.drain_seconds", snapshot.drain_seconds(),
                           1);
  problems->RequireAtLeast("snapshot.quarantine_after",
                           snapshot.quarantine_after(), 0);
  if (snapshot.keep_every() <= 0) return;
  if (snapshot.every_steps() < 1) {
    problems->Add("snapshot.keep_every",
                  absl::StrCat(snapshot.keep_every(),
                               " keeps what is never taken; give "
                               "snapshot.every_steps"));
  } else if (snapshot.keep_every() % snapshot.every_steps() != 0) {
    problems->Add("snapshot.keep_every",
                  absl::StrCat(snapshot.keep_every(),
                               " is no multiple of snapshot.every_steps = ",
                               snapshot.every_steps(),
                               "; no snapshot is taken at most of its steps"));
  }
}

}  // namespace

void ValidateTrain(const RunConfig& config, bool for_training,
                   Problems* problems) {
  CheckTrainSection(config, for_training, problems);
  CheckEval(config, for_training, problems);
  CheckSnapshot(config.snapshot(), problems);
  problems->RequireAtLeast("trace.steps", config.trace().steps(), 0);
  problems->RequireAtLeast("trace.first_step", config.trace().first_step(), 1);
}

}  // namespace perdure
