#include "runtime/comm/all_gather_parts.h"

#include <cstring>
#include <memory>

#include "glog/logging.h"

namespace perdure {
namespace {

constexpr int kTag = 0x7a0;

}  // namespace

absl::Status AllGatherParts(Communicator& comm, const void* mine,
                            const std::vector<uint64_t>& bytes,
                            std::vector<std::vector<char>>* parts) {
  const int ranks = comm.size(), me = comm.rank();
  CHECK_EQ(static_cast<int>(bytes.size()), ranks);
  parts->resize(bytes.size());
  for (size_t r = 0; r < bytes.size(); ++r) (*parts)[r].resize(bytes[r]);
  std::vector<char>& own = (*parts)[static_cast<size_t>(me)];
  if (!own.empty()) std::memcpy(own.data(), mine, own.size());

  // All receives stand before the first send is waited for. Each rank begins
  // with its neighbour, so that nobody is everybody's first target.
  std::vector<std::unique_ptr<CommRequest>> requests;
  absl::Status status;
  const auto start = [&](absl::StatusOr<std::unique_ptr<CommRequest>> request) {
    if (request.ok()) {
      requests.push_back(*std::move(request));
    } else {
      status.Update(request.status());
    }
  };
  for (int step = 1; step < ranks && status.ok(); ++step) {
    const int from = (me + ranks - step) % ranks;
    std::vector<char>& part = (*parts)[static_cast<size_t>(from)];
    if (part.empty()) continue;
    start(comm.Receive(part.data(), part.size(), from, kTag));
  }
  for (int step = 1; step < ranks && status.ok(); ++step) {
    if (own.empty()) break;
    start(comm.Send(own.data(), own.size(), (me + step) % ranks, kTag));
  }
  for (const std::unique_ptr<CommRequest>& request : requests) {
    status.Update(request->Wait());
  }
  return status;
}

}  // namespace perdure
