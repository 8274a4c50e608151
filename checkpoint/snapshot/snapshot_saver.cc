#include "checkpoint/snapshot/snapshot_saver.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/results.h"
#include "checkpoint/snapshot/snapshots_directory.h"
#include "checkpoint/snapshot/state_stager.h"
#include "glog/logging.h"
#include "runtime/base/file.h"

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

struct SnapshotSaver::Prepared {
  uint64_t hash = 0;
  std::shared_ptr<SnapshotPlan> plan;
  std::shared_ptr<WriteList> list;               // this rank's
  std::shared_ptr<SnapshotStructure> structure;  // rank 0's
  uint64_t bytes = 0;                            // of all tensors
};

absl::StatusOr<std::unique_ptr<SnapshotSaver>> SnapshotSaver::Create(
    Communicator& world, std::shared_ptr<Storage> storage,
    SnapshotSaverOptions options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Communicator> comm,
                   world.Split(0, world.rank(), "snapshot"));
  return std::unique_ptr<SnapshotSaver>(new SnapshotSaver(
      std::move(comm), std::move(storage), std::move(options)));
}

SnapshotSaver::SnapshotSaver(std::unique_ptr<Communicator> comm,
                             std::shared_ptr<Storage> storage,
                             SnapshotSaverOptions options)
    : comm_(std::move(comm)),
      storage_(std::move(storage)),
      options_(std::move(options)) {}

SnapshotSaver::~SnapshotSaver() {
  if (gave_up_) return;
  writer_.reset();  // waits; then nothing is written below staged_ any more
  if (task_ != nullptr) task_->Take();
}

SnapshotPaths SnapshotSaver::PathsOf(const RunState& run) const {
  if (!options_.paths.name.empty()) return options_.paths;
  return {JoinPath(options_.snapshot.run_dir, kSnapshotsDirectory),
          SnapshotName(run.step), TemporaryName({run.step, run.generation})};
}

absl::Status SnapshotSaver::Prepare(const StateMap& map) {
  const uint64_t hash = HashMap(map);
  if (prepared_ != nullptr && prepared_->hash == hash) return absl::OkStatus();
  auto prepared = std::make_shared<Prepared>();
  prepared->hash = hash;
  // Every rank makes the plan; only where rank 0's HDF5 library puts datasets
  // is asked of it, together with whether all have the same plan: once a run.
  const auto plan = [&]() -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(SnapshotPlan planned,
                     MakePlan(map, options_.snapshot.model));
    prepared->plan = std::make_shared<SnapshotPlan>(std::move(planned));
    std::string text(sizeof(hash), '\0');
    std::memcpy(text.data(), &hash, sizeof(hash));
    if (comm_->rank() > 0) return text;
    ASSIGN_OR_RETURN(SnapshotStructure made, MakeStructure(*prepared->plan));
    prepared->structure = std::make_shared<SnapshotStructure>(std::move(made));
    const std::vector<uint64_t>& offsets =
        prepared->structure->optimizer.offsets;
    text.append(reinterpret_cast<const char*>(offsets.data()),
                offsets.size() * sizeof(uint64_t));
    return text;
  };
  ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                   ShareResults(*comm_, plan()));
  for (size_t rank = 1; rank < texts.size(); ++rank) {
    if (std::memcmp(texts[rank].data(), texts[0].data(), sizeof(hash)) == 0) {
      continue;
    }
    return absl::InternalError(absl::StrCat(
        "rank ", rank, " has another plan of the snapshot than rank 0"));
  }
  SnapshotPlan& complete = *prepared->plan;
  const size_t datasets = complete.datasets.size();
  if (texts[0].size() != (1 + datasets) * sizeof(uint64_t)) {
    return absl::InternalError("rank 0 has another plan of the snapshot");
  }
  std::memcpy(complete.offsets.data() + complete.weights,
              texts[0].data() + sizeof(hash), datasets * sizeof(uint64_t));
  prepared->list = std::make_shared<WriteList>(
      MakeWriteList(complete, static_cast<size_t>(comm_->rank()),
                    /*packed=*/!options_.in_order));
  for (const StateTensor& tensor : complete.map.tensors) {
    prepared->bytes += tensor.bytes();
  }
  prepared_ = std::move(prepared);
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

absl::Status SnapshotSaver::Stage() {
  if (options_.paths.name.empty()) {
    RETURN_IF_ERROR(CleanSnapshotsDirectory(
        *storage_, options_.snapshot.run_dir, run_.generation));
  }
  ASSIGN_OR_RETURN(staged_, StagedSnapshot::Create(
                                *storage_, PathsOf(run_), *prepared_->plan,
                                *prepared_->structure, options_.in_order));
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
  if (ready.ok() && comm_->rank() == 0) ready = Stage();
  absl::Status all_ready;
  RETURN_IF_ERROR(ShareStatus(*comm_, ready, &all_ready));
  if (!all_ready.ok()) {
    staged_.reset();
    End(all_ready);
    return absl::OkStatus();
  }
  phase_ = Phase::kWriting;
  const SnapshotPaths paths = PathsOf(run);
  writer_ = std::make_unique<ChunkWriter>(
      ChunkWriterTask{storage_, pool_, prepared_->plan, prepared_->list,
                      JoinPath(paths.parent, paths.temporary)},
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
    if (task_ != nullptr) task_->Wait(kPollInterval);
    RETURN_IF_ERROR(PollOnce(absl::Now() > deadline));
  }
  return absl::OkStatus();
}

absl::Status SnapshotSaver::PollOnce(bool expired) {
  const bool done = phase_ == Phase::kWriting
                        ? writer_->done()
                        : task_ == nullptr || task_->Wait(absl::ZeroDuration());
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
  CommitResult result{absl::OkStatus(), absl::Now()};
  if (task_ != nullptr) result = task_->Take();
  task_.reset();
  absl::Status common;
  RETURN_IF_ERROR(ShareStatus(*comm_, result.status, &common));
  report_.seconds = absl::ToDoubleSeconds(result.time - start_);
  End(common);
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
  if (!written.ok()) {
    StartDiscard(written);
  } else if (comm_->rank() == 0) {
    StartCommit(std::move(of_ranks));
  }
  return absl::OkStatus();
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

void SnapshotSaver::StartCommit(std::vector<WrittenSums> of_ranks) {
  CommitJob job;
  job.storage = storage_;
  job.plan = prepared_->plan;
  job.structure = prepared_->structure;
  job.staged = std::move(staged_);
  job.options = options_.snapshot;
  job.config_json = options_.config_json;
  job.in_run = options_.paths.name.empty();
  job.run = run_;
  job.of_ranks = std::move(of_ranks);
  task_ = std::make_unique<BackgroundTask<CommitResult>>(
      [job = std::make_shared<CommitJob>(std::move(job))] {
        return job->Run();
      });
}

void SnapshotSaver::StartDiscard(const absl::Status& why) {
  if (comm_->rank() > 0) return;
  task_ = std::make_unique<BackgroundTask<CommitResult>>(
      [storage = storage_, prepared = prepared_, staged = std::move(staged_),
       why]() mutable {
        staged.reset();  // removes the directory
        return CommitResult{why, absl::Now()};
      });
}

void SnapshotSaver::GiveUp() {
  gave_up_ = true;
  if (writer_ != nullptr) writer_->Abandon();
  if (staged_ != nullptr) staged_->Abandon();
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
