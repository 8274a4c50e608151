#include "checkpoint/snapshot/snapshot_saver.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/snapshot/node_site.h"
#include "checkpoint/snapshot/nodes.h"
#include "checkpoint/snapshot/results.h"
#include "checkpoint/snapshot/shared_site.h"
#include "checkpoint/snapshot/state_stager.h"

namespace perdure {
namespace {

constexpr int kTag = 1;
// A few chunks, so that copying and writing overlap.
constexpr uint64_t kSmallestPool = 4 * kChunkBytes;
constexpr absl::Duration kPollInterval = absl::Milliseconds(10);

uint64_t BlockCount(const std::vector<WriteExtent>& extents) {
  uint64_t blocks = 0;
  for (const WriteExtent& extent : extents) blocks += BlocksOf(extent.bytes);
  return blocks;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SnapshotSaver>> SnapshotSaver::Create(
    Communicator& world, std::shared_ptr<Storage> storage,
    SnapshotSaverOptions options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Communicator> comm,
                   world.Split(0, world.rank(), "snapshot"));
  PrepareOptions prepare;
  prepare.model = options.snapshot.model;
  prepare.packed = !options.in_order;
  prepare.own_directories = options.own_directories;
  std::unique_ptr<SaveSite> site;
  if (options.per_node || options.own_directories) {
    ASSIGN_OR_RETURN(prepare.node_of_rank, NodesOfRanks(*comm, options.node));
  }
  if (options.own_directories) {
    site = std::make_unique<NodeSite>(
        comm.get(), storage,
        NodeSiteOptions{options.snapshot, prepare.node_of_rank,
                        options.neighbour_copies});
  } else {
    site = std::make_unique<SharedSite>(
        comm.get(), storage,
        SharedSiteOptions{options.snapshot, options.paths, options.config_json,
                          options.in_order});
  }
  return std::unique_ptr<SnapshotSaver>(
      new SnapshotSaver(std::move(comm), std::move(storage), std::move(options),
                        std::move(prepare), std::move(site)));
}

SnapshotSaver::SnapshotSaver(std::unique_ptr<Communicator> comm,
                             std::shared_ptr<Storage> storage,
                             SnapshotSaverOptions options,
                             PrepareOptions prepare,
                             std::unique_ptr<SaveSite> site)
    : comm_(std::move(comm)),
      storage_(std::move(storage)),
      options_(std::move(options)),
      prepare_(std::move(prepare)),
      site_(std::move(site)) {}

SnapshotSaver::~SnapshotSaver() {
  // Waits; then nothing is written into the site's directory any more.
  if (!gave_up_) writer_.reset();
}

absl::Status SnapshotSaver::Prepare(const StateMap& map) {
  if (prepared_ != nullptr && prepared_->hash == HashMap(map)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(prepared_, PrepareSave(*comm_, map, prepare_));
  pool_.reset();
  return absl::OkStatus();
}

absl::Status SnapshotSaver::MakePool() {
  if (pool_ != nullptr) return absl::OkStatus();
  uint64_t bytes = 0;
  for (const WriteChunk& chunk : prepared_->list->chunks) {
    bytes += StagingPool::PagesFor(chunk.offset % kPageBytes + chunk.bytes);
  }
  if (options_.pool_bytes > 0) {
    bytes = std::min(bytes, std::max(options_.pool_bytes, kSmallestPool));
  }
  ASSIGN_OR_RETURN(pool_, StagingPool::Create(bytes));
  return absl::OkStatus();
}

absl::Status SnapshotSaver::Begin(const RunState& run, const StateMap& map,
                                  Giver give) {
  const absl::Time start = absl::Now();
  RETURN_IF_ERROR(Finish());
  RETURN_IF_ERROR(Prepare(map));
  start_ = start;
  run_ = run;
  report_ = {};
  report_.step = run.step;
  report_.bytes = prepared_->bytes;
  absl::Status ready = MakePool();
  if (ready.ok()) ready = site_->Stage(prepared_, run);
  absl::Status all_ready;
  RETURN_IF_ERROR(ShareStatus(*comm_, ready, &all_ready));
  if (!all_ready.ok()) {
    site_->Drop();
    End(all_ready);
    return absl::OkStatus();
  }
  phase_ = Phase::kWriting;
  writer_ = std::make_unique<ChunkWriter>(
      ChunkWriterTask{storage_, pool_, prepared_->plan, prepared_->list,
                      site_->Directory()},
      /*behind=*/!options_.in_order);
  StateStager stager(
      *prepared_->plan, static_cast<size_t>(comm_->rank()), *prepared_->list,
      {options_.stream, start + options_.drain, options_.in_order}, *pool_,
      *writer_);
  absl::Status given = give(&stager);
  if (absl::IsDeadlineExceeded(given)) GiveUp();
  if (given.ok()) given = stager.Finish();
  RETURN_IF_ERROR(given);
  writer_->Close();
  report_.waited_seconds = pool_->TakeSecondsWaited();
  report_.stall_seconds = absl::ToDoubleSeconds(absl::Now() - start);
  return absl::OkStatus();
}

absl::Status SnapshotSaver::Poll() {
  return busy() ? PollOnce(/*expired=*/false) : absl::OkStatus();
}

absl::Status SnapshotSaver::Finish() {
  const absl::Time deadline = absl::Now() + options_.drain;
  while (busy()) {
    // A slower rank than this one is waited for in the reduction.
    if (writer_ != nullptr) writer_->Wait(kPollInterval);
    if (phase_ == Phase::kCommitting) site_->Wait(kPollInterval);
    RETURN_IF_ERROR(PollOnce(absl::Now() > deadline));
  }
  return absl::OkStatus();
}

absl::Status SnapshotSaver::PollOnce(bool expired) {
  if (phase_ == Phase::kCommitting) RETURN_IF_ERROR(site_->Exchange());
  const bool done = phase_ == Phase::kWriting
                        ? writer_->done()
                        : site_->Wait(absl::ZeroDuration());
  int64_t flags[] = {done ? 1 : 0, expired ? 0 : 1};
  RETURN_IF_ERROR(comm_->AllReduce(flags, 2, DType::kI64, ReduceOp::kMin));
  if (flags[0] == 0 && flags[1] == 0) {
    GiveUp();
    return absl::DeadlineExceededError(absl::StrCat(
        "the snapshot of step ", run_.step, " is not written after ",
        absl::FormatDuration(options_.drain), ", ",
        done ? "though this rank's part is" : "nor is this rank's part",
        "; raise snapshot.drain_seconds if the disk is only slow"));
  }
  if (flags[0] == 0) return absl::OkStatus();
  if (phase_ == Phase::kWriting) return PollWriting();
  CommitResult result;
  ASSIGN_OR_RETURN(const bool ended, site_->Next(&result));
  if (!ended) return absl::OkStatus();
  report_.seconds = absl::ToDoubleSeconds(result.time - start_);
  End(result.status);
  return absl::OkStatus();
}

absl::Status SnapshotSaver::PollWriting() {
  absl::Status written;
  RETURN_IF_ERROR(ShareStatus(*comm_, writer_->status(), &written));
  std::vector<WrittenSums> of_ranks;
  if (written.ok()) {
    ASSIGN_OR_RETURN(of_ranks, GatherSums());
  }
  writer_.reset();
  phase_ = Phase::kCommitting;
  return site_->Begin(written, std::move(of_ranks));
}

absl::StatusOr<std::vector<WrittenSums>> SnapshotSaver::GatherSums() {
  WrittenSums mine = writer_->TakeSums();
  std::vector<WrittenSums> all;
  std::vector<std::unique_ptr<CommRequest>> requests;
  const auto exchange = [&](std::vector<uint64_t>& sums, int from) {
    return [&, from]() -> absl::Status {
      if (sums.empty()) return absl::OkStatus();
      const uint64_t bytes = sums.size() * sizeof(uint64_t);
      auto request = comm_->rank() == 0
                         ? comm_->Receive(sums.data(), bytes, from, kTag)
                         : comm_->Send(sums.data(), bytes, 0, kTag);
      RETURN_IF_ERROR(request.status());
      requests.push_back(*std::move(request));
      return absl::OkStatus();
    }();
  };
  if (comm_->rank() > 0) {
    RETURN_IF_ERROR(exchange(mine.checksums, 0));
    RETURN_IF_ERROR(exchange(mine.digests, 0));
  } else {
    all.resize(static_cast<size_t>(comm_->size()));
    all[0] = std::move(mine);
    for (int rank = 1; rank < comm_->size(); ++rank) {
      const std::vector<WriteExtent> extents =
          ExtentsOf(*prepared_->plan, static_cast<size_t>(rank));
      WrittenSums& sums = all[static_cast<size_t>(rank)];
      sums.checksums.resize(BlockCount(extents));
      sums.digests.resize(extents.size());
      RETURN_IF_ERROR(exchange(sums.checksums, rank));
      RETURN_IF_ERROR(exchange(sums.digests, rank));
    }
  }
  for (const std::unique_ptr<CommRequest>& request : requests) {
    RETURN_IF_ERROR(request->Wait());
  }
  return all;
}

void SnapshotSaver::GiveUp() {
  gave_up_ = true;
  if (writer_ != nullptr) writer_->Abandon();
  site_->Abandon();
}

void SnapshotSaver::End(const absl::Status& status) {
  phase_ = Phase::kIdle;
  report_.status =
      options_.paths.name.empty()
          ? Annotate(status, absl::StrCat("snapshot of step ", report_.step))
          : status;
  reports_.push_back(report_);
}

}  // namespace perdure
