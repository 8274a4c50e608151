#include "checkpoint/snapshot/snapshot_writer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/snapshot/piece_table.h"
#include "checkpoint/snapshot/results.h"
#include "checkpoint/snapshot/snapshot_saver.h"

namespace perdure {
namespace {

constexpr uint64_t kPoolBytes = uint64_t{64} << 20;

// Collective: what all ranks hold.
absl::StatusOr<StateMap> ShareMap(Communicator& world,
                                  const PieceOrder& order) {
  absl::StatusOr<std::string> mine;
  const absl::StatusOr<RankShares> shares = DescribePieces(order);
  if (shares.ok()) {
    mine = shares->SerializeAsString();
  } else {
    mine = shares.status();
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                   ShareResults(world, mine));
  std::vector<RankShares> of_ranks(texts.size());
  for (size_t rank = 0; rank < texts.size(); ++rank) {
    if (!of_ranks[rank].ParseFromString(texts[rank])) {
      return absl::InternalError(
          absl::StrCat("rank ", rank, " sent no list of its pieces"));
    }
  }
  return MergeShares(of_ranks);
}

absl::Status GivePiece(const StatePiece& piece, size_t range,
                       PieceReader& reader, StateSink* sink) {
  const auto bytes =
      static_cast<uint64_t>((piece.end - piece.begin) * SizeOf(piece.dtype));
  for (uint64_t at = 0; at < bytes; at += kBlockBytes) {
    const uint64_t size = std::min(kBlockBytes, bytes - at);
    ASSIGN_OR_RETURN(const void* data, reader.Bytes(piece, at, size));
    RETURN_IF_ERROR(sink->Take(range, at, data, size));
  }
  return absl::OkStatus();
}

absl::Status Write(Communicator& world, Storage& storage,
                   const SnapshotSaverOptions& options, const RunState& run,
                   const PieceOrder& order, PieceReader& reader) {
  ASSIGN_OR_RETURN(const StateMap map, ShareMap(world, order));
  // Not owned: all threads of the save have ended when this returns.
  const std::shared_ptr<Storage> shared(&storage, [](Storage*) {});
  ASSIGN_OR_RETURN(const std::unique_ptr<SnapshotSaver> saver,
                   SnapshotSaver::Create(world, shared, options));
  const auto give = [&](StateSink* sink) -> absl::Status {
    for (size_t i = 0; i < order.size(); ++i) {
      RETURN_IF_ERROR(GivePiece(*order[i], i, reader, sink));
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(saver->Begin(run, map, give));
  RETURN_IF_ERROR(saver->Finish());
  return saver->TakeReports().at(0).status;
}

}  // namespace

absl::Status WriteOneSnapshot(Communicator& world, Storage& storage,
                              const SnapshotPaths& paths,
                              const SnapshotContent& content,
                              const std::vector<StatePiece>& pieces,
                              PieceReader& reader) {
  SnapshotSaverOptions options;
  options.snapshot.model = content.model;
  options.snapshot.tokenizer_dir = content.tokenizer_dir;
  options.snapshot.may_commit = content.may_commit;
  options.paths = paths;
  options.config_json = content.config_json;
  options.pool_bytes = kPoolBytes;
  options.in_order = true;
  return Write(world, storage, options, content.run, WriteOrder(pieces),
               reader);
}

absl::Status WriteSnapshotTo(Communicator& world, Storage& storage,
                             const SnapshotWriteOptions& options,
                             const RunState& run,
                             const std::vector<StatePiece>& pieces) {
  SnapshotSaverOptions with_pool;
  with_pool.snapshot = options;
  with_pool.pool_bytes = kPoolBytes;
  MemoryPieces memory;
  return Write(world, storage, with_pool, run, WriteOrder(pieces), memory);
}

absl::Status WriteSnapshot(Communicator& world,
                           const SnapshotWriteOptions& options,
                           const RunState& run,
                           const std::vector<StatePiece>& pieces) {
  const std::unique_ptr<Storage> storage = MakePosixStorage();
  return WriteSnapshotTo(world, *storage, options, run, pieces);
}

}  // namespace perdure
