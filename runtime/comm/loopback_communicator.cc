#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/comm/backends.h"
#include "runtime/comm/group_communicator.h"
#include "runtime/comm/mailbox.h"
#include "runtime/comm/memory_map.h"

namespace perdure {
namespace {

class LoopbackSegments : public SharedSegments {
 public:
  LoopbackSegments(uint64_t bytes, MemoryMap memory)
      : SharedSegments(0, bytes), memory_(std::move(memory)) {}
  void* segment(int) override { return memory_.data(); }

 private:
  MemoryMap memory_;
};

class LoopbackRequest : public TimedRequest {
 public:
  LoopbackRequest(GroupCommunicator* comm, const TransferInfo& info,
                  Mailbox* mailbox, std::shared_ptr<Transfer> transfer)
      : TimedRequest(comm, info),
        mailbox_(mailbox),
        transfer_(std::move(transfer)) {}
  ~LoopbackRequest() override {
    CheckSettled();
    if (transfer_ != nullptr) mailbox_->Cancel(transfer_);
  }

 protected:
  absl::Status Finish(const Deadline&) override {
    // Whoever could post the other half is the caller, who is in here.
    if (!mailbox_->Wait(*transfer_, Deadline(absl::ZeroDuration()))) {
      return absl::DeadlineExceededError(absl::StrCat(
          Name(),
          ": the other half was not posted, and a single rank would "
          "wait for itself for ever"));
    }
    return Annotate(std::exchange(transfer_, nullptr)->status, Name());
  }
  absl::StatusOr<bool> Test() override { return mailbox_->Done(*transfer_); }

 private:
  Mailbox* mailbox_;
  std::shared_ptr<Transfer> transfer_;
};

class LoopbackCommunicator : public GroupCommunicator {
 public:
  explicit LoopbackCommunicator(absl::string_view name)
      : GroupCommunicator({std::string(name), 0, {0}, absl::ZeroDuration()}) {}

  absl::StatusOr<std::unique_ptr<CommRequest>> Send(const void* data,
                                                    uint64_t bytes, int to,
                                                    int tag) override {
    RETURN_IF_ERROR(failure());
    return std::make_unique<LoopbackRequest>(
        this, TransferInfo{true, bytes, to, tag}, &mailbox_,
        mailbox_.Send({0, 0, 0, tag}, data, bytes));
  }

  absl::StatusOr<std::unique_ptr<CommRequest>> Receive(void* data,
                                                       uint64_t bytes, int from,
                                                       int tag) override {
    RETURN_IF_ERROR(failure());
    return std::make_unique<LoopbackRequest>(
        this, TransferInfo{false, bytes, from, tag}, &mailbox_,
        mailbox_.Receive({0, 0, 0, tag}, data, bytes));
  }

  absl::StatusOr<std::unique_ptr<Communicator>> Split(
      int, int, absl::string_view name) override {
    RETURN_IF_ERROR(failure());
    return std::make_unique<LoopbackCommunicator>(name);
  }

  absl::StatusOr<std::unique_ptr<SharedSegments>> AllocateShared(
      uint64_t bytes) override {
    RETURN_IF_ERROR(failure());
    ASSIGN_OR_RETURN(MemoryMap memory, MemoryMap::Anonymous(WholePages(bytes)));
    return std::make_unique<LoopbackSegments>(bytes, std::move(memory));
  }

 protected:
  absl::StatusOr<Collectives*> Means(const CollectiveCall&) override {
    return absl::InternalError("a group of one rank needs no means");
  }
  void OnFailure(const absl::Status&) override {}

 private:
  FailureBoard board_;
  Mailbox mailbox_{&board_};
};

}  // namespace

std::unique_ptr<Communicator> MakeLoopbackCommunicator() {
  return std::make_unique<LoopbackCommunicator>("world");
}

}  // namespace perdure
