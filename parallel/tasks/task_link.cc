#include "parallel/tasks/task_link.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"

namespace perdure {
namespace {

constexpr int kMessageTag = 11;
constexpr int kNumbersTag = 12;

}  // namespace

absl::Status TaskLink::Listen() {
  CHECK(request_ == nullptr);
  ASSIGN_OR_RETURN(
      request_,
      comm_->Receive(incoming_.get(), sizeof(TaskMessage), peer_, kMessageTag));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<TaskMessage>> TaskLink::Take(int64_t step) {
  if (request_ == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(const bool done, request_->Poll());
  if (!done) return std::nullopt;
  RETURN_IF_ERROR(request_->Wait());
  request_ = nullptr;
  if (incoming_->step != step) {
    return absl::InternalError(absl::StrCat(
        comm_->name(), ": rank ", peer_, " sent a message of step ",
        incoming_->step, " in step ", step, "; this is a bug of Perdure"));
  }
  return *incoming_;
}

absl::Status TaskLink::TakeNumbers(std::vector<double>* numbers) {
  ASSIGN_OR_RETURN(
      const std::unique_ptr<CommRequest> request,
      comm_->Receive(numbers->data(), numbers->size() * sizeof(double), peer_,
                     kNumbersTag));
  return request->Wait();
}

absl::Status TaskLink::Send(const TaskMessage& message,
                            std::vector<double> numbers) {
  Outgoing& out = outgoing_.emplace_back();
  out.message = message;
  out.numbers = std::move(numbers);
  ASSIGN_OR_RETURN(out.sends[0], comm_->Send(&out.message, sizeof(out.message),
                                             peer_, kMessageTag));
  const bool announces = message.kind == TaskMessage::kAnswer ||
                         message.kind == TaskMessage::kResult;
  if (!announces) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      out.sends[1],
      comm_->Send(out.numbers.data(), out.numbers.size() * sizeof(double),
                  peer_, kNumbersTag));
  return absl::OkStatus();
}

absl::Status TaskLink::Finish() {
  for (Outgoing& out : outgoing_) {
    for (auto& send : out.sends) {
      if (send != nullptr) RETURN_IF_ERROR(send->Wait());
    }
  }
  outgoing_.clear();
  return absl::OkStatus();
}

absl::Status SilenceError(const Communicator& comm,
                          const std::vector<int>& ranks,
                          absl::Duration timeout) {
  const auto name = [&](std::string* out, int rank) {
    absl::StrAppend(out, comm.NameOf(rank));
  };
  return absl::DeadlineExceededError(absl::StrCat(
      comm.name(), ": no message from ", absl::StrJoin(ranks, ", ", name),
      " within ", absl::FormatDuration(timeout),
      ". See what they did; if they are only slow, raise the time-out"));
}

}  // namespace perdure
