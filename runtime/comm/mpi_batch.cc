#include "runtime/comm/mpi_batch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace perdure {

MpiBatch::~MpiBatch() {
  if (handle_->job().finished) return;
  for (size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i] == MPI_REQUEST_NULL) continue;
    // A receive that nothing has matched is really cancelled; a send cannot be.
    if (messages_[i].receive) MPI_Cancel(&requests_[i]);
    MPI_Request_free(&requests_[i]);
  }
}

absl::Status MpiBatch::Post(MPI_Request request, int code,
                            const Message& message) {
  RETURN_IF_ERROR(MpiStatus(
      code, absl::StrCat(message.receive ? "receiving from" : "sending to",
                         " rank ", message.peer)));
  requests_.push_back(request);
  messages_.push_back(message);
  return absl::OkStatus();
}

absl::Status MpiBatch::Send(const void* data, uint64_t bytes, int to, int tag) {
  const char* from = static_cast<const char*>(data);
  const uint64_t longest = handle_->job().message_bytes;
  uint64_t sent = 0;
  do {  // an empty message is a message
    const uint64_t part = std::min(longest, bytes - sent);
    MPI_Request request = MPI_REQUEST_NULL;
    const int code = MPI_Isend(from + sent, static_cast<int>(part), MPI_BYTE,
                               to, tag, handle_->get(), &request);
    RETURN_IF_ERROR(Post(request, code, {false, to, -1}));
    sent += part;
  } while (sent < bytes);
  return absl::OkStatus();
}

absl::Status MpiBatch::Receive(void* data, uint64_t bytes, int from, int tag) {
  char* target = static_cast<char*>(data);
  const uint64_t longest = handle_->job().message_bytes;
  uint64_t received = 0;
  do {
    const uint64_t part = std::min(longest, bytes - received);
    MPI_Request request = MPI_REQUEST_NULL;
    const int code = MPI_Irecv(target + received, static_cast<int>(part),
                               MPI_BYTE, from, tag, handle_->get(), &request);
    RETURN_IF_ERROR(
        Post(request, code, {true, from, static_cast<int64_t>(part)}));
    received += part;
  } while (received < bytes);
  return absl::OkStatus();
}

absl::Status MpiBatch::ReceiveUpTo(void* data, uint64_t bytes, int from,
                                   int tag) {
  MPI_Request request = MPI_REQUEST_NULL;
  const int code = MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, from, tag,
                             handle_->get(), &request);
  return Post(request, code, {true, from, -1});
}

absl::Status MpiBatch::Check(int index, const MPI_Status& status) const {
  const Message& message = messages_[index];
  if (!message.receive || message.exact_bytes < 0) return absl::OkStatus();
  int count = 0;
  MPI_Get_count(&status, MPI_BYTE, &count);
  if (count == message.exact_bytes) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("the message of rank ", message.peer, " has ", count,
                   " bytes, the receiver expects ", message.exact_bytes));
}

absl::StatusOr<int> MpiBatch::Look() {
  const int count = static_cast<int>(requests_.size());
  indices_.resize(count);
  statuses_.resize(count);
  int done = 0;
  const int code = MPI_Testsome(count, requests_.data(), &done, indices_.data(),
                                statuses_.data());
  if (done == MPI_UNDEFINED) {  // nothing is under way any more
    requests_.clear();
    messages_.clear();
    return -1;
  }
  for (int i = 0; i < done; ++i) {
    if (code == MPI_ERR_IN_STATUS &&
        statuses_[i].MPI_ERROR == MPI_ERR_TRUNCATE) {
      const Message& message = messages_[indices_[i]];
      return absl::InternalError(absl::StrCat(
          "the message of rank ", message.peer, " is longer than the ",
          message.exact_bytes, " bytes that the receiver expects"));
    }
    if (code == MPI_ERR_IN_STATUS) {
      RETURN_IF_ERROR(MpiStatus(statuses_[i].MPI_ERROR, "waiting"));
    }
    RETURN_IF_ERROR(Check(indices_[i], statuses_[i]));
  }
  if (code != MPI_ERR_IN_STATUS) RETURN_IF_ERROR(MpiStatus(code, "waiting"));
  return done;
}

absl::StatusOr<bool> MpiBatch::Test() {
  int news = 0;
  do {
    ASSIGN_OR_RETURN(news, Look());
  } while (news > 0);
  return news < 0;
}

absl::StatusOr<bool> MpiBatch::Wait(const WaitPolicy& policy,
                                    const Deadline& deadline) {
  Waiter waiter(policy, deadline);
  while (true) {
    ASSIGN_OR_RETURN(const int news, Look());
    if (news < 0) return true;
    // Without news the core may be needed by the rank that is waited for.
    if (news == 0 && !waiter.Pause()) return false;
  }
}

std::vector<int> MpiBatch::PendingPeers() const {
  std::vector<int> peers;
  for (const bool receive : {true, false}) {
    for (size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i] == MPI_REQUEST_NULL) continue;
      if (messages_[i].receive == receive) peers.push_back(messages_[i].peer);
    }
    if (!peers.empty()) break;
  }
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  return peers;
}

}  // namespace perdure
