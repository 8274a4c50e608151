#include "checkpoint/replay/replay.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/convert/paths.h"
#include "checkpoint/journal/constants.h"
#include "checkpoint/journal/journal.h"
#include "checkpoint/replay/initial_state.h"
#include "checkpoint/replay/replayed_pieces.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_writer.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "runtime/config/config.h"
#include "runtime/state/digest.h"

namespace perdure {
namespace {

// Where replay starts.
struct Base {
  std::unique_ptr<StateSource> source;
  std::string directory;
  ModelConfig model;
  RunState run;
  uint64_t initial_digest = 0;  // what its digest must be; 0: unknown
};

// The steps at which the run has snapshots, for a message.
std::string SnapshotSteps(const std::string& run_dir) {
  const auto paths = ListSnapshots(run_dir);
  std::vector<std::string> steps;
  if (paths.ok()) {
    for (const std::string& path : *paths) {
      const auto step = ParseSnapshotName(path.substr(path.rfind('/') + 1));
      if (step.has_value()) steps.push_back(absl::StrCat(*step));
    }
  }
  return steps.empty() ? "none" : absl::StrJoin(steps, ", ");
}

absl::Status CheckMethod(const Journal& journal) {
  if (journal.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        journal.run_dir(), ": there is no journal (journal/gen-*.log)"));
  }
  const std::string& method = journal.head().constants().method();
  if (method == "ZEROTH_ORDER") return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      journal.run_dir(), ": a ", method,
      " run cannot be replayed, its journal has no gradients; it has snapshots "
      "of steps: ",
      SnapshotSteps(journal.run_dir())));
}

absl::StatusOr<Base> InitialBase(const Journal& journal,
                                 const RunConfig& config) {
  ASSIGN_OR_RETURN(std::unique_ptr<InitialState> initial,
                   InitialState::Open(config));
  Base base;
  base.directory = initial->description();
  base.source = std::move(initial);
  base.model = config.model();
  base.run.run_id = journal.head().run_id();
  base.initial_digest = journal.head().initial_digest();
  return base;
}

// `config`: of the newest generation.
absl::StatusOr<Base> FindBase(const Journal& journal, const RunConfig& config,
                              int64_t to_step) {
  const Lineage& lineage = journal.lineage();
  std::vector<std::string> skipped;
  auto snapshot = OpenNewestSnapshot(
      journal.run_dir(), &skipped, {[&](int64_t generation, int64_t step) {
        return step <= to_step && lineage.Allows(generation, step);
      }});
  if (!snapshot.ok()) return InitialBase(journal, config);
  Base base;
  base.run = (*snapshot)->run();
  base.model = (*snapshot)->model();
  base.directory = (*snapshot)->directory();
  base.source = *std::move(snapshot);
  return base;
}

absl::StatusOr<std::vector<StepRecord>> StepsBetween(const Journal& journal,
                                                     int64_t base,
                                                     int64_t to_step) {
  std::vector<std::string> warnings;
  ASSIGN_OR_RETURN(const StepLog log, journal.Steps(base, &warnings));
  const absl::Span<const StepRecord> found = log.From(base + 1);
  const int64_t last = base + static_cast<int64_t>(found.size());
  if (to_step > last) {
    return absl::FailedPreconditionError(absl::StrCat(
        journal.run_dir(), ": step ", to_step,
        " is not in the journal, whose last is ", last,
        warnings.empty() ? "" : "; ", absl::StrJoin(warnings, "; ")));
  }
  const auto steps = found.first(static_cast<size_t>(to_step - base));
  return std::vector<StepRecord>(steps.begin(), steps.end());
}

std::vector<ZerothOrderUpdate> UpdatesOf(const std::vector<StepRecord>& steps,
                                         const JournalConstants& constants) {
  const bool rademacher =
      constants.zeroth_order().noise() == ZerothOrderConfig::RADEMACHER;
  std::vector<ZerothOrderUpdate> updates;
  for (const StepRecord& step : steps) {
    updates.push_back(
        {step.step, rademacher ? NoiseKind::kRademacher : NoiseKind::kGaussian,
         step.coefficients, step.decay, step.skipped});
  }
  return updates;
}

// The state after `steps`, as the generation that made the last of them had it.
absl::StatusOr<RunState> StateAfter(const Journal& journal, RunState run,
                                    const std::vector<StepRecord>& steps) {
  for (const StepRecord& step : steps) Advance(step, &run);
  const LineageLink* link =
      steps.empty() ? nullptr : journal.lineage().LinkOf(run.step - 1);
  if (link == nullptr) return run;
  ASSIGN_OR_RETURN(const JournalHeader header,
                   journal.HeaderOf(link->generation));
  run.generation = header.generation();
  run.parent_generation = header.parent_generation();
  run.fork_step = header.fork_step();
  run.config_text = header.config_text();
  run.topology = header.topology();
  return run;
}

absl::Status CheckBase(const Base& base, ReplayedPieces* pieces) {
  if (base.initial_digest == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t digest, pieces->BaseDigest());
  if (digest == base.initial_digest) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(base.directory,
                   ": these are no longer the weights that the run started "
                   "from; put those back"));
}

// All that a past state is made of.
struct Source {
  Journal journal;
  Base base;
  std::vector<StepRecord> steps;  // after it
  std::unique_ptr<ReplayedPieces> pieces;
};

absl::StatusOr<Source> OpenSource(const std::string& run_dir, int64_t to_step,
                                  int threads) {
  ASSIGN_OR_RETURN(Journal journal, Journal::Open(run_dir));
  RETURN_IF_ERROR(CheckMethod(journal));
  const JournalConstants& constants = journal.head().constants();
  ASSIGN_OR_RETURN(
      const RunConfig config,
      ParseConfig(journal.head().config_text(), "the journal's config"));
  // What this program makes of the config today.
  RETURN_IF_ERROR(CheckReplayable(constants, ConstantsOf(config)));
  ASSIGN_OR_RETURN(Base base, FindBase(journal, config, to_step));
  ASSIGN_OR_RETURN(std::vector<StepRecord> steps,
                   StepsBetween(journal, base.run.step, to_step));
  auto pieces = std::make_unique<ReplayedPieces>(
      base.source.get(), constants, UpdatesOf(steps, constants), threads);
  RETURN_IF_ERROR(CheckBase(base, pieces.get()));
  return Source{std::move(journal), std::move(base), std::move(steps),
                std::move(pieces)};
}

// Of elements of `piece`, block by block.
absl::StatusOr<uint64_t> DigestRun(const StatePiece& piece, const ShardRun& run,
                                   ReplayedPieces* pieces) {
  constexpr int64_t kBlock = int64_t{1} << 18;  // elements
  const uint64_t size = static_cast<uint64_t>(SizeOf(piece.dtype));
  uint64_t digest = 0;
  for (int64_t done = 0; done < run.length; done += kBlock) {
    const uint64_t at = static_cast<uint64_t>(run.global_offset + done);
    const uint64_t n =
        static_cast<uint64_t>(std::min(kBlock, run.length - done));
    ASSIGN_OR_RETURN(const void* data,
                     pieces->Bytes(piece, at * size, n * size));
    digest += Digest(piece.dtype, data, at, n);
  }
  return digest;
}

absl::Status Write(const ReplayOptions& options, const SnapshotContent& content,
                   ReplayedPieces* pieces) {
  const NewDirectory target = SplitNewDirectory(options.output);
  const std::unique_ptr<Storage> storage = MakePosixStorage();
  RETURN_IF_ERROR(storage->CreateDirectories(target.parent));
  const std::unique_ptr<Communicator> alone = MakeLoopbackCommunicator();
  return WriteOneSnapshot(*alone, *storage,
                          {target.parent, target.name, target.temporary},
                          content, pieces->Pieces(), *pieces);
}

}  // namespace

absl::StatusOr<ReplayResult> ReplayRun(const ReplayOptions& options) {
  if (FileExists(options.output)) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.output, " exists; replay makes a new directory"));
  }
  ASSIGN_OR_RETURN(
      const Source source,
      OpenSource(options.run_dir, options.to_step, options.threads));
  SnapshotContent content;
  ASSIGN_OR_RETURN(content.run,
                   StateAfter(source.journal, source.base.run, source.steps));
  content.model = source.base.model;
  content.tokenizer_dir = JoinPath(options.run_dir, "tokenizer");
  if (!IsDirectory(content.tokenizer_dir)) content.tokenizer_dir.clear();
  RETURN_IF_ERROR(Write(options, content, source.pieces.get()));
  return ReplayResult{source.base.directory, source.base.run.step,
                      static_cast<int64_t>(source.steps.size())};
}

absl::Status ReplayDigests(const std::string& run_dir, int64_t step,
                           int threads, std::vector<DigestedPart>* parts) {
  ASSIGN_OR_RETURN(const Source source, OpenSource(run_dir, step, threads));
  const std::vector<StatePiece> pieces = source.pieces->Pieces();
  for (DigestedPart& part : *parts) {
    const auto piece =
        std::find_if(pieces.begin(), pieces.end(), [&](const StatePiece& p) {
          return p.kind == StateKind::kWeight && p.tensor == part.tensor;
        });
    if (piece == pieces.end()) {
      return absl::NotFoundError(
          absl::StrCat(run_dir, " has no tensor ", part.tensor));
    }
    part.digest = 0;
    for (const ShardRun& run : part.runs) {
      ASSIGN_OR_RETURN(const uint64_t digest,
                       DigestRun(*piece, run, source.pieces.get()));
      part.digest += digest;
    }
  }
  return absl::OkStatus();
}

}  // namespace perdure
