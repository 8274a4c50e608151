#include "checkpoint/snapshot/node_site.h"

#include <utility>

#include "absl/time/clock.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/node_commit.h"
#include "checkpoint/snapshot/nodes.h"
#include "checkpoint/snapshot/results.h"
#include "glog/logging.h"
#include "runtime/base/file.h"

namespace perdure {

NodeSite::NodeSite(Communicator* comm, std::shared_ptr<Storage> storage,
                   NodeSiteOptions options)
    : comm_(*comm),
      storage_(std::move(storage)),
      options_(std::move(options)),
      node_(options_.node_of_rank[static_cast<size_t>(comm->rank())]) {
  leads_ = LeadsNode(options_.node_of_rank, comm->rank());
  if (!options_.neighbour_copies) return;
  copy_.emplace(comm, options_.node_of_rank);
  if (!copy_->any()) copy_.reset();
}

NodeSite::~NodeSite() {
  if (abandoned_) return;
  if (task_ != nullptr) static_cast<void>(task_->Take());
  Drop();
}

std::vector<size_t> NodeSite::FilesHere() const {
  if (!copy_.has_value()) return {node_};
  return {node_, copy_->source()};
}

std::string NodeSite::Directory() const {
  return JoinPath(JoinPath(options_.snapshot.run_dir, kSnapshotsDirectory),
                  TemporaryName({run_.step, run_.generation}));
}

void NodeSite::Drop() {
  if (!std::exchange(exists_, false)) return;
  const absl::Status removed = storage_->RemoveTree(Directory());
  if (!removed.ok()) LOG(WARNING) << "left behind: " << removed.message();
}

absl::Status NodeSite::Stage(std::shared_ptr<const PreparedSave> prepared,
                             const RunState& run) {
  prepared_ = std::move(prepared);
  run_ = run;
  failure_ = absl::OkStatus();
  if (!leads_) return absl::OkStatus();
  RETURN_IF_ERROR(
      CleanNodeDirectory(*storage_, options_.snapshot.run_dir, run));
  exists_ = true;
  return MakeNodeFiles(*storage_, Directory(), *prepared_, FilesHere());
}

void NodeSite::Run(std::function<absl::Status()> work) {
  if (!leads_) return;
  task_ = std::make_unique<BackgroundTask<Result>>(
      [work = std::move(work)]() -> Result {
        RETURN_IF_ERROR(work());
        return std::string();
      });
}

NodeSite::Result NodeSite::TakeResult() {
  if (task_ == nullptr) return std::string();
  Result result = task_->Take();
  task_.reset();
  return result;
}

void NodeSite::Discard(const absl::Status& why) {
  failure_ = why;
  phase_ = Phase::kDiscarding;
  if (!std::exchange(exists_, false)) return;
  Run([storage = storage_, directory = Directory()] {
    return storage->RemoveTree(directory);
  });
}

absl::Status NodeSite::Begin(const absl::Status& written,
                             std::vector<WrittenSums> sums) {
  absl::Status ready = written;
  if (written.ok() && copy_.has_value()) {
    RETURN_IF_ERROR(
        ShareStatus(comm_, copy_->Begin(*prepared_, Directory()), &ready));
  }
  if (!ready.ok()) {
    Discard(ready);
    return absl::OkStatus();
  }
  phase_ = Phase::kCopying;
  if (comm_.rank() > 0) return absl::OkStatus();
  task_ = std::make_unique<BackgroundTask<Result>>(
      [options = options_.snapshot, prepared = prepared_, run = run_,
       of_ranks = std::move(sums)] {
        return EncodeNodeCommit(options, *prepared, run, of_ranks);
      });
  return absl::OkStatus();
}

absl::Status NodeSite::Exchange() {
  if (!copy_.has_value() || phase_ != Phase::kCopying) return absl::OkStatus();
  return copy_->Exchange();
}

bool NodeSite::Wait(absl::Duration duration) const {
  if (phase_ == Phase::kCopying && copy_.has_value() && !copy_->done()) {
    return false;
  }
  return task_ == nullptr || task_->Wait(duration);
}

absl::StatusOr<bool> NodeSite::Next(CommitResult* result) {
  switch (phase_) {
    case Phase::kCopying:
      return EndOfCopying();
    case Phase::kCompleting:
      return EndOfCompleting();
    case Phase::kNaming:
      RETURN_IF_ERROR(
          ShareStatus(comm_, TakeResult().status(), &result->status));
      break;
    case Phase::kDiscarding:
      // What could not be removed is removed by the next save.
      static_cast<void>(TakeResult());
      result->status = failure_;
      break;
  }
  result->time = absl::Now();
  return true;
}

absl::StatusOr<bool> NodeSite::EndOfCopying() {
  const Result mine = TakeResult();
  absl::Status common;
  RETURN_IF_ERROR(ShareStatus(comm_, mine.status(), &common));
  if (!common.ok()) {
    Discard(common);
    return false;
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                   AllGatherStrings(comm_, *mine));
  phase_ = Phase::kCompleting;
  const int64_t check =
      copy_.has_value() ? static_cast<int64_t>(copy_->source()) : -1;
  Run([storage = storage_, directory = Directory(), prepared = prepared_,
       nodes = FilesHere(), check, message = texts[0]] {
    return InstallNodeCommit(*storage, directory, *prepared, nodes, check,
                             message);
  });
  return false;
}

absl::StatusOr<bool> NodeSite::EndOfCompleting() {
  absl::Status mine = TakeResult().status();
  if (mine.ok() && comm_.rank() == 0 && options_.snapshot.may_commit) {
    mine = options_.snapshot.may_commit();
  }
  absl::Status common;
  RETURN_IF_ERROR(ShareStatus(comm_, mine, &common));
  if (!common.ok()) {
    Discard(common);
    return false;
  }
  phase_ = Phase::kNaming;
  exists_ = false;
  Run([storage = storage_, directory = Directory(), options = options_.snapshot,
       step = run_.step] {
    return NameNodeDirectory(*storage, directory, options, step);
  });
  return false;
}

}  // namespace perdure
