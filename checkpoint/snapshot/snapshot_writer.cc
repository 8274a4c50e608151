#include "checkpoint/snapshot/snapshot_writer.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/results.h"
#include "checkpoint/snapshot/snapshots_directory.h"
#include "glog/logging.h"
#include "runtime/base/file.h"
#include "runtime/nn/hf_config.h"

namespace perdure {
namespace {

constexpr char kKept[] = "kept";

// Messages between ranks: a parse failure is a bug or a foreign program.
template <typename Message>
absl::StatusOr<Message> Parse(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) {
    return absl::InternalError(
        absl::StrCat("a rank sent no ", message.GetTypeName()));
  }
  return message;
}

template <typename Message>
absl::StatusOr<std::string> Serialize(const absl::StatusOr<Message>& message) {
  RETURN_IF_ERROR(message.status());
  return message->SerializeAsString();
}

template <typename Message>
absl::StatusOr<std::vector<Message>> ParseAll(
    const std::vector<std::string>& of_ranks) {
  std::vector<Message> messages;
  for (const std::string& bytes : of_ranks) {
    ASSIGN_OR_RETURN(messages.emplace_back(), Parse<Message>(bytes));
  }
  return messages;
}

absl::StatusOr<std::vector<SideFile>> ReadSideFiles(
    const SnapshotContent& content, const std::string& torch_dtype) {
  std::vector<SideFile> files;
  files.emplace_back(kConfigName,
                     content.config_json.empty()
                         ? ModelConfigToHf(content.model, torch_dtype)
                         : content.config_json);
  if (content.tokenizer_dir.empty()) return files;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(content.tokenizer_dir));
  for (const std::string& name : names) {
    if (!IsTokenizerFile(name)) continue;
    ASSIGN_OR_RETURN(std::string text,
                     ReadFile(JoinPath(content.tokenizer_dir, name)));
    files.emplace_back(name, std::move(text));
  }
  return files;
}

// One rank's way through a write; rank 0 also owns the staged directory, which
// goes away with it on any failure.
class SnapshotWrite {
 public:
  SnapshotWrite(Communicator& world, Storage& storage,
                const SnapshotPaths& paths, const SnapshotContent& content)
      : world_(world), storage_(storage), paths_(paths), content_(content) {}

  absl::Status Run(const std::vector<StatePiece>& pieces, PieceReader& reader) {
    const PieceOrder order = WriteOrder(pieces);
    const absl::StatusOr<RankShares> shares = DescribePieces(order);
    RETURN_IF_ERROR(Plan(shares));
    RETURN_IF_ERROR(Stage());
    const absl::StatusOr<RankExtents> written =
        WritePieces(storage_, JoinPath(paths_.parent, paths_.temporary), plan_,
                    *shares, order, reader);
    return Commit(written);
  }

 private:
  absl::Status Plan(const absl::StatusOr<RankShares>& mine) {
    ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                     ShareResults(world_, Serialize(mine)));
    ASSIGN_OR_RETURN(const std::vector<RankShares> of_ranks,
                     ParseAll<RankShares>(texts));
    ASSIGN_OR_RETURN(std::vector<PlannedTensor> tensors, MergeShares(of_ranks));
    ASSIGN_OR_RETURN(plan_, MakePlan(std::move(tensors), content_.model));
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> StageOnRank0() {
    ASSIGN_OR_RETURN(const std::vector<SideFile> side_files,
                     ReadSideFiles(content_, plan_.torch_dtype));
    ASSIGN_OR_RETURN(
        staged_, StagedSnapshot::Create(storage_, paths_, plan_, side_files));
    StagedFiles files;
    files.mutable_hdf5_offsets()->Assign(staged_->hdf5_offsets().begin(),
                                         staged_->hdf5_offsets().end());
    return files.SerializeAsString();
  }

  absl::Status Stage() {
    absl::StatusOr<std::string> mine = std::string();
    if (world_.rank() == 0) mine = StageOnRank0();
    ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                     ShareResults(world_, mine));
    ASSIGN_OR_RETURN(const StagedFiles files, Parse<StagedFiles>(texts[0]));
    if (static_cast<size_t>(files.hdf5_offsets_size()) !=
        plan_.datasets.size()) {
      return absl::InternalError("rank 0 has another plan of the snapshot");
    }
    for (size_t i = 0; i < plan_.datasets.size(); ++i) {
      plan_.offsets[plan_.weights + i] =
          files.hdf5_offsets(static_cast<int>(i));
    }
    return absl::OkStatus();
  }

  absl::Status CommitOnRank0(const std::vector<std::string>& texts) {
    ASSIGN_OR_RETURN(const std::vector<RankExtents> of_ranks,
                     ParseAll<RankExtents>(texts));
    SnapshotManifest head;
    *head.mutable_run() = ToManifest(content_.run);
    *head.mutable_model() = content_.model;
    head.mutable_model()->clear_init_from();  // the snapshot stands alone
    if (content_.may_commit) RETURN_IF_ERROR(content_.may_commit());
    return staged_->Commit(plan_, of_ranks, std::move(head));
  }

  absl::Status Commit(const absl::StatusOr<RankExtents>& written) {
    ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                     ShareResults(world_, Serialize(written)));
    absl::StatusOr<std::string> mine = std::string();
    if (world_.rank() == 0) {
      const absl::Status committed = CommitOnRank0(texts);
      if (!committed.ok()) mine = committed;
    }
    return ShareResults(world_, mine).status();
  }

  Communicator& world_;
  Storage& storage_;
  const SnapshotPaths& paths_;
  const SnapshotContent& content_;
  SnapshotPlan plan_;
  std::unique_ptr<StagedSnapshot> staged_;
};

// "kept" if the step is on disk already.
absl::StatusOr<std::string> Prepare(Storage& storage,
                                    const SnapshotWriteOptions& options,
                                    const RunState& run) {
  RETURN_IF_ERROR(
      CleanSnapshotsDirectory(storage, options.run_dir, run.generation));
  ASSIGN_OR_RETURN(
      const bool kept,
      KeepExistingSnapshot(storage, options.run_dir, run, options.counts));
  return std::string(kept ? kKept : "");
}

}  // namespace

absl::Status WriteOneSnapshot(Communicator& world, Storage& storage,
                              const SnapshotPaths& paths,
                              const SnapshotContent& content,
                              const std::vector<StatePiece>& pieces,
                              PieceReader& reader) {
  return SnapshotWrite(world, storage, paths, content).Run(pieces, reader);
}

absl::Status WriteSnapshotTo(Communicator& world, Storage& storage,
                             const SnapshotWriteOptions& options,
                             const RunState& run,
                             const std::vector<StatePiece>& pieces) {
  absl::StatusOr<std::string> mine = std::string();
  if (world.rank() == 0) mine = Prepare(storage, options, run);
  ASSIGN_OR_RETURN(const std::vector<std::string> prepared,
                   ShareResults(world, mine));
  if (prepared[0] == kKept) return absl::OkStatus();

  const SnapshotPaths paths{JoinPath(options.run_dir, kSnapshotsDirectory),
                            SnapshotName(run.step),
                            TemporaryName({run.step, run.generation})};
  MemoryPieces memory;
  RETURN_IF_ERROR(WriteOneSnapshot(
      world, storage, paths,
      {run, options.model, options.tokenizer_dir, "", options.may_commit},
      pieces, memory));
  if (world.rank() == 0 && (!options.may_commit || options.may_commit().ok())) {
    // The snapshot is safe; old ones that stay too long are no failure.
    const absl::Status pruned = PruneSnapshots(storage, options, run.step);
    if (!pruned.ok())
      LOG(WARNING) << "old snapshots stay: " << pruned.message();
  }
  return absl::OkStatus();
}

absl::Status WriteSnapshot(Communicator& world,
                           const SnapshotWriteOptions& options,
                           const RunState& run,
                           const std::vector<StatePiece>& pieces) {
  const std::unique_ptr<Storage> storage = MakePosixStorage();
  return Annotate(WriteSnapshotTo(world, *storage, options, run, pieces),
                  absl::StrCat("snapshot of step ", run.step));
}

}  // namespace perdure
