#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "runtime/comm/backends.h"
#include "runtime/comm/group_communicator.h"
#include "runtime/comm/shared_collectives.h"
#include "runtime/comm/thread_world.h"

namespace perdure {
namespace {

std::shared_ptr<ThreadGroup> MakeGroup(std::shared_ptr<ThreadWorld> world,
                                       int ranks) {
  auto group = std::make_shared<ThreadGroup>();
  group->id = world->next_group++;
  group->world = std::move(world);
  const uint64_t stride = WholePages(SharedCollectives::AreaBytes());
  absl::StatusOr<MemoryMap> memory = MemoryMap::Anonymous(ranks * stride);
  CHECK(memory.ok()) << memory.status();  // a backend for tests
  group->memory = std::move(*memory);
  for (int r = 0; r < ranks; ++r) {
    group->areas.push_back(
        SharedCollectives::InitArea(group->memory.data() + r * stride));
  }
  return group;
}

// Shared by all ranks' SharedSegments; the last one frees it.
class ThreadSegments : public SharedSegments {
 public:
  ThreadSegments(int rank, uint64_t bytes, std::shared_ptr<MemoryMap> memory)
      : SharedSegments(rank, bytes),
        stride_(WholePages(bytes)),
        memory_(std::move(memory)) {}
  void* segment(int rank) override { return memory_->data() + rank * stride_; }

 private:
  uint64_t stride_;
  std::shared_ptr<MemoryMap> memory_;
};

class ThreadRequest : public TimedRequest {
 public:
  ThreadRequest(GroupCommunicator* comm, const TransferInfo& info,
                ThreadWorld* world)
      : TimedRequest(comm, info), world_(world) {}
  ~ThreadRequest() override {
    // After a failure anywhere a rank may drop what it had posted.
    if (!world_->board.failed()) CheckSettled();
    if (transfer_ != nullptr) world_->mailbox.Cancel(transfer_);
  }
  void Start(const Transfer::Key& key, const void* source, void* target) {
    transfer_ = info().send
                    ? world_->mailbox.Send(key, source, info().bytes)
                    : world_->mailbox.Receive(key, target, info().bytes);
  }

 protected:
  absl::Status Finish(const Deadline& deadline) override {
    if (world_->mailbox.Wait(*transfer_, deadline)) {
      return Annotate(std::exchange(transfer_, nullptr)->status, Name());
    }
    if (world_->board.failed()) return world_->board.StatusFor(Name());
    return TimedOut();
  }
  absl::StatusOr<bool> Test() override {
    if (world_->mailbox.Done(*transfer_)) return true;
    if (world_->board.failed()) return world_->board.StatusFor(Name());
    return false;
  }

 private:
  ThreadWorld* world_;
  std::shared_ptr<Transfer> transfer_;
};

class ThreadCommunicator : public GroupCommunicator {
 public:
  ThreadCommunicator(const GroupInfo& info, std::shared_ptr<ThreadGroup> group)
      : GroupCommunicator(info),
        group_(std::move(group)),
        means_(info, group_->areas, &group_->world->board,
               WaitPolicy{group_->world->crowded, nullptr}) {}

  absl::StatusOr<std::unique_ptr<CommRequest>> Send(const void* data,
                                                    uint64_t bytes, int to,
                                                    int tag) override {
    return Post({true, bytes, to, tag}, data, nullptr);
  }

  absl::StatusOr<std::unique_ptr<CommRequest>> Receive(void* data,
                                                       uint64_t bytes, int from,
                                                       int tag) override {
    return Post({false, bytes, from, tag}, nullptr, data);
  }

  absl::StatusOr<std::unique_ptr<Communicator>> Split(
      int color, int key, absl::string_view name) override {
    ASSIGN_OR_RETURN(const Part part, PartOf(color, key));
    const int ranks = static_cast<int>(part.ranks.size());
    auto group = group_->meeting.Get<ThreadGroup>(
        absl::StrCat("split ", ++splits_, " ", color), ranks,
        [&] { return MakeGroup(group_->world, ranks); });
    return std::make_unique<ThreadCommunicator>(PartInfo(part, name),
                                                std::move(group));
  }

  absl::StatusOr<std::unique_ptr<SharedSegments>> AllocateShared(
      uint64_t bytes) override {
    auto largest = static_cast<int64_t>(bytes);
    RETURN_IF_ERROR(AllReduce(&largest, 1, DType::kI64, ReduceOp::kMax));
    const uint64_t total = size() * WholePages(largest);
    using Memory = absl::StatusOr<MemoryMap>;
    auto made = group_->meeting.Get<Memory>(
        absl::StrCat("memory ", ++allocations_), size(),
        [&] { return std::make_shared<Memory>(MemoryMap::Anonymous(total)); });
    RETURN_IF_ERROR(Annotate(made->status(), this->name()));
    return std::make_unique<ThreadSegments>(
        rank(), largest, std::shared_ptr<MemoryMap>(made, &**made));
  }

 protected:
  absl::StatusOr<Collectives*> Means(const CollectiveCall&) override {
    return &means_;
  }
  WaitPolicy MessagePolicy() const override {
    return {group_->world->crowded, nullptr};
  }
  void OnFailure(const absl::Status& status) override {
    group_->world->Report(group().world_ranks[rank()], status);
  }

 private:
  absl::StatusOr<std::unique_ptr<CommRequest>> Post(const TransferInfo& info,
                                                    const void* source,
                                                    void* target) {
    RETURN_IF_ERROR(failure());
    auto request =
        std::make_unique<ThreadRequest>(this, info, group_->world.get());
    const int from = info.send ? rank() : info.peer;
    const int to = info.send ? info.peer : rank();
    request->Start({group_->id, from, to, info.tag}, source, target);
    return request;
  }

  std::shared_ptr<ThreadGroup> group_;
  SharedCollectives means_;
  int64_t splits_ = 0;
  int64_t allocations_ = 0;
};

}  // namespace

std::vector<absl::Status> RunThreadRanks(
    int ranks, absl::Duration timeout,
    const std::function<absl::Status(Communicator& world)>& body) {
  CHECK_GT(ranks, 0);
  auto world = std::make_shared<ThreadWorld>();
  world->crowded = ranks > AvailableCores();
  const std::shared_ptr<ThreadGroup> group = MakeGroup(world, ranks);
  GroupInfo info;
  info.name = "world";
  info.timeout = timeout;
  for (int r = 0; r < ranks; ++r) info.world_ranks.push_back(r);

  std::vector<absl::Status> statuses(ranks);
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r) {
    info.rank = r;
    threads.emplace_back([&statuses, &body, world, group, info] {
      ThreadCommunicator comm(info, group);
      statuses[info.rank] = body(comm);
      if (!statuses[info.rank].ok()) {
        world->Report(info.rank, statuses[info.rank]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return statuses;
}

}  // namespace perdure
