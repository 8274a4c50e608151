#include "checkpoint/convert/run_start.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/journal/names.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/file.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

absl::Status CheckState(const CanonicalSource& source,
                        const RunConfig& config) {
  if (source.run.step == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        source.description, ": does not say how many steps it is from; start ",
        "a new run from its weights with model.init_from"));
  }
  if (config.train().method() == TrainConfig::ZEROTH_ORDER) {
    return absl::OkStatus();
  }
  for (const StateKind kind : {StateKind::kMoment1, StateKind::kMoment2}) {
    if (std::any_of(source.tensors.begin(), source.tensors.end(),
                    [&](const auto& t) { return t.kind == kind; })) {
      continue;
    }
    return absl::FailedPreconditionError(
        absl::StrCat(source.description, ": has no ", StateKindName(kind),
                     ", which AdamW goes on from; start a new run from its ",
                     "weights with model.init_from"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunConfig> StartRun(const std::string& config_path,
                                   CanonicalSource* source) {
  ASSIGN_OR_RETURN(RunConfig config, LoadConfig(config_path));
  ASSIGN_OR_RETURN(*config.mutable_model(),
                   CompleteModelConfig(config.model(), *source->model));
  RETURN_IF_ERROR(CheckConfig(config, /*for_training=*/true));
  config = ResolveConfig(config);
  RETURN_IF_ERROR(CheckState(*source, config));
  RunState& run = source->run;
  if (run.samples == 0) {
    run.samples = run.step * config.train().global_batch();
    run.tokens = run.samples * config.train().sequence_length();
  }
  if (run.updates == 0) run.updates = run.step;
  // A run of its own, which no launch has done a step of. The same conversion
  // gives the same name, so that it can go on where it was interrupted.
  const std::string origin = absl::StrCat(source->description, "\n", run.run_id,
                                          "\n", ConfigToText(config));
  run.run_id =
      absl::StrFormat("from-%016x", Checksum(origin.data(), origin.size()));
  run.generation = run.parent_generation = run.fork_step = 0;
  run.topology = source->format;  // for people
  run.config_text = ConfigToText(config);
  source->model = config.model();
  return config;
}

absl::StatusOr<std::string> FirstSnapshotPath(const std::string& run_dir,
                                              int64_t step) {
  ASSIGN_OR_RETURN(const std::vector<std::string> snapshots,
                   ListSnapshots(run_dir));
  if (!snapshots.empty() || FileExists(JoinPath(run_dir, kJournalDirectory))) {
    return absl::FailedPreconditionError(absl::StrCat(
        run_dir,
        " is a run already; with --config the target is the directory "
        "of a new one"));
  }
  return JoinPath(JoinPath(run_dir, kSnapshotsDirectory), SnapshotName(step));
}

}  // namespace perdure
