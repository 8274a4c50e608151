#include "runtime/comm/mpi_communicator.h"

#include <utility>

#include "runtime/comm/mpi_batch.h"
#include "runtime/comm/shared_area.h"
#include "runtime/comm/shared_memory.h"

namespace perdure {
namespace {

class MpiRequest : public TimedRequest {
 public:
  MpiRequest(GroupCommunicator* comm, const TransferInfo& info,
             const MpiHandle* handle)
      : TimedRequest(comm, info), handle_(handle), batch_(handle) {}
  ~MpiRequest() override { CheckSettled(); }

  MpiBatch& batch() { return batch_; }

 protected:
  absl::Status Finish(const Deadline& deadline) override {
    const WaitPolicy policy{handle_->job().crowded, nullptr};
    const absl::StatusOr<bool> done = batch_.Wait(policy, deadline);
    if (!done.ok()) return Annotate(done.status(), Name());
    return *done ? absl::OkStatus() : TimedOut();
  }
  absl::StatusOr<bool> Test() override {
    const absl::StatusOr<bool> done = batch_.Test();
    if (!done.ok()) return Annotate(done.status(), Name());
    return done;
  }

 private:
  const MpiHandle* handle_;
  MpiBatch batch_;
};

class MappedSegments : public SharedSegments {
 public:
  MappedSegments(int rank, uint64_t bytes, std::vector<MemoryMap> maps)
      : SharedSegments(rank, bytes), maps_(std::move(maps)) {}
  void* segment(int rank) override { return maps_[rank].data(); }

 private:
  std::vector<MemoryMap> maps_;
};

// Ranks that wait in shared memory keep MPI going: a peer may depend on a
// message of theirs that is still under way.
WaitPolicy PolicyOf(const std::shared_ptr<MpiJob>& job) {
  return {job->crowded, [job] { job->Progress(); }};
}

}  // namespace

MpiCommunicator::MpiCommunicator(const GroupInfo& info,
                                 std::shared_ptr<MpiJob> job, MPI_Comm comm)
    : GroupCommunicator(info),
      handle_(std::move(job), comm),
      messages_(info, &handle_, WaitPolicy{handle_.job().crowded, nullptr}) {}

absl::StatusOr<std::unique_ptr<CommRequest>> MpiCommunicator::Send(
    const void* data, uint64_t bytes, int to, int tag) {
  RETURN_IF_ERROR(failure());
  auto request = std::make_unique<MpiRequest>(
      this, TransferInfo{true, bytes, to, tag}, &handle_);
  RETURN_IF_ERROR(Note(
      Annotate(request->batch().Send(data, bytes, to, tag), group().name)));
  return request;
}

absl::StatusOr<std::unique_ptr<CommRequest>> MpiCommunicator::Receive(
    void* data, uint64_t bytes, int from, int tag) {
  RETURN_IF_ERROR(failure());
  auto request = std::make_unique<MpiRequest>(
      this, TransferInfo{false, bytes, from, tag}, &handle_);
  RETURN_IF_ERROR(Note(Annotate(
      request->batch().Receive(data, bytes, from, tag), group().name)));
  return request;
}

absl::StatusOr<std::unique_ptr<Communicator>> MpiCommunicator::Split(
    int color, int key, absl::string_view name) {
  // The meeting in here has a deadline; after it all ranks are on their way
  // into MPI_Comm_split, which has none.
  ASSIGN_OR_RETURN(const Part part, PartOf(color, key));
  MPI_Comm comm = MPI_COMM_NULL;
  RETURN_IF_ERROR(
      Note(MpiStatus(MPI_Comm_split(handle_.get(), color, part.rank, &comm),
                     group().name + ": Split")));
  return std::make_unique<MpiCommunicator>(PartInfo(part, name),
                                           handle_.shared_job(), comm);
}

absl::StatusOr<std::unique_ptr<SharedSegments>> MpiCommunicator::AllocateShared(
    uint64_t bytes) {
  auto largest = static_cast<int64_t>(bytes);
  RETURN_IF_ERROR(AllReduce(&largest, 1, DType::kI64, ReduceOp::kMax));
  if (!OnOneNode()) return nullptr;
  const auto exchange = [this](const void* input, uint64_t size, void* output) {
    return AllGather(input, size, output);
  };
  ASSIGN_OR_RETURN(std::vector<MemoryMap> maps,
                   ShareMemory(group(), WholePages(largest), exchange));
  if (maps.empty()) return nullptr;
  return std::make_unique<MappedSegments>(rank(), largest, std::move(maps));
}

bool MpiCommunicator::OnOneNode() const {
  const std::vector<int>& node_of = handle_.job().node_of;
  for (int world_rank : group().world_ranks) {
    if (node_of[world_rank] != node_of[group().world_ranks[0]]) return false;
  }
  return true;
}

absl::StatusOr<Collectives*> MpiCommunicator::Means(
    const CollectiveCall& call) {
  if (means_ == nullptr) {
    if (OnOneNode()) RETURN_IF_ERROR(ShareAreas(call));
    means_ =
        shared_.has_value() ? static_cast<Collectives*>(&*shared_) : &messages_;
  }
  return means_;
}

absl::Status MpiCommunicator::ShareAreas(const CollectiveCall& call) {
  // These meetings go by messages, in the name of the group's first call.
  const auto exchange = [&](const void* input, uint64_t size, void* output) {
    return messages_.Exchange(call, input, size, output);
  };
  const uint64_t bytes = WholePages(SharedCollectives::AreaBytes());
  ASSIGN_OR_RETURN(maps_, ShareMemory(group(), bytes, exchange));
  if (maps_.empty()) return absl::OkStatus();
  for (int r = 0; r < size(); ++r) {
    areas_.push_back(SharedCollectives::AreaAt(maps_[r].data()));
  }
  SharedCollectives::InitArea(maps_[rank()].data());
  const char ready = 1;
  std::vector<char> all(size());
  RETURN_IF_ERROR(exchange(&ready, 1, all.data()));
  shared_.emplace(group(), areas_, SharedCollectives::BoardIn(areas_[0]),
                  PolicyOf(handle_.shared_job()));
  return absl::OkStatus();
}

void MpiCommunicator::OnFailure(const absl::Status& status) {
  messages_.Abandon();
  if (!shared_.has_value()) return;
  SharedCollectives::BoardIn(areas_[0])->Report(group().world_ranks[rank()],
                                                status);
}

}  // namespace perdure
