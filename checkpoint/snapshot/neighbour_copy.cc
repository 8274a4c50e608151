#include "checkpoint/snapshot/neighbour_copy.h"

#include <algorithm>
#include <utility>

#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/nodes.h"
#include "checkpoint/snapshot/write_list.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr int kTag = 2;

}  // namespace

NeighbourCopy::NeighbourCopy(Communicator* comm,
                             const std::vector<size_t>& node_of_rank,
                             uint64_t batch_bytes)
    : comm_(*comm),
      chunks_a_batch_(std::max<size_t>(1, batch_bytes / kChunkBytes)),
      nodes_(RanksOfNodes(node_of_rank)) {
  const auto rank = static_cast<size_t>(comm->rank());
  node_ = node_of_rank[rank];
  source_ = (node_ + nodes_.size() - 1) % nodes_.size();
  const std::vector<int>& mine = nodes_[node_];
  const std::vector<int>& next = nodes_[(node_ + 1) % nodes_.size()];
  const size_t place = static_cast<size_t>(
      std::find(mine.begin(), mine.end(), comm->rank()) - mine.begin());
  to_ = next[place % next.size()];
  const std::vector<int>& before = nodes_[source_];
  for (size_t i = 0; i < before.size(); ++i) {
    if (i % mine.size() == place) from_.push_back(before[i]);
  }
}

NeighbourCopy::~NeighbourCopy() {
  // Their peers may be gone, and a request that is not done cannot be taken
  // back; the memory that it writes to stays with it.
  if (requests_.empty()) return;
  for (std::unique_ptr<CommRequest>& request : requests_) {
    static_cast<void>(request.release());
  }
  static_cast<void>(new FileMap(std::move(mine_)));
  static_cast<void>(new FileMap(std::move(copy_)));
}

void NeighbourCopy::AddMessages(const PreparedSave& prepared, int writer,
                                bool send, int peer, char* file) {
  const WriteList list =
      MakeWriteList(*prepared.plan, static_cast<size_t>(writer));
  for (size_t i = 0; i < list.chunks.size(); ++i) {
    const WriteChunk& chunk = list.chunks[i];
    messages_.push_back(
        {send, peer, file + chunk.offset, chunk.bytes, i / chunks_a_batch_});
  }
}

absl::Status NeighbourCopy::Begin(const PreparedSave& prepared,
                                  const std::string& directory) {
  messages_.clear();
  batch_ = 0;
  const auto open = [&](size_t node) {
    return FileMap::Open(JoinPath(directory, NodeFileName(node)),
                         prepared.structure->nodes[node].image.bytes());
  };
  ASSIGN_OR_RETURN(mine_, open(node_));
  ASSIGN_OR_RETURN(copy_, open(source_));
  for (const int from : from_) {
    AddMessages(prepared, from, /*send=*/false, from, copy_.data());
  }
  AddMessages(prepared, comm_.rank(), /*send=*/true, to_, mine_.data());
  std::stable_sort(
      messages_.begin(), messages_.end(),
      [](const Message& a, const Message& b) { return a.batch < b.batch; });
  return absl::OkStatus();
}

absl::Status NeighbourCopy::Exchange() {
  if (!requests_.empty()) {
    for (std::unique_ptr<CommRequest>& request : requests_) {
      RETURN_IF_ERROR(request->Wait());
    }
    messages_.erase(messages_.begin(),
                    messages_.begin() + static_cast<int64_t>(requests_.size()));
    requests_.clear();
    ++batch_;
  }
  for (const Message& message : messages_) {
    if (message.batch != batch_) break;
    auto request =
        message.send
            ? comm_.Send(message.data, message.bytes, message.peer, kTag)
            : comm_.Receive(message.data, message.bytes, message.peer, kTag);
    RETURN_IF_ERROR(request.status());
    requests_.push_back(*std::move(request));
  }
  return absl::OkStatus();
}

}  // namespace perdure
