#include "checkpoint/snapshot/node_exchange.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/storage.h"

namespace perdure {
namespace {

constexpr int kTag = 3;

}  // namespace

absl::StatusOr<std::unique_ptr<NodeExchange>> NodeExchange::Create(
    Communicator& world, Communicator& node,
    const std::vector<BlockFile>& files, const std::vector<bool>& held,
    const std::vector<std::string>& names) {
  std::unique_ptr<NodeExchange> exchange(new NodeExchange(world, files, names));
  // A node is known by the first of its ranks.
  int32_t first = world.rank();
  RETURN_IF_ERROR(node.Broadcast(&first, sizeof(first), 0));
  std::string mine(sizeof(first), '\0');
  std::memcpy(mine.data(), &first, sizeof(first));
  for (const bool here : held) mine.push_back(here ? 1 : 0);
  ASSIGN_OR_RETURN(const std::vector<std::string> all,
                   AllGatherStrings(world, mine));
  std::map<int32_t, size_t> numbers;
  for (int rank = 0; rank < world.size(); ++rank) {
    const std::string& text = all[static_cast<size_t>(rank)];
    int32_t of_node = 0;
    std::memcpy(&of_node, text.data(), sizeof(of_node));
    const auto [entry, added] = numbers.emplace(of_node, numbers.size());
    if (added) {
      exchange->ranks_.emplace_back();
      exchange->holds_.emplace_back(files.size(), true);
    }
    exchange->ranks_[entry->second].push_back(rank);
    // Held is what all of its ranks could open.
    std::vector<bool>& holds = exchange->holds_[entry->second];
    for (size_t i = 0; i < files.size(); ++i) {
      holds[i] = holds[i] && text[sizeof(of_node) + i] != 0;
    }
    if (rank == world.rank()) exchange->node_ = entry->second;
  }
  exchange->rank_in_node_ = static_cast<size_t>(node.rank());
  return exchange;
}

size_t NodeExchange::SourceOf(size_t node, size_t file) const {
  for (size_t i = 0; i < holds_.size(); ++i) {
    const size_t at = (node + i) % holds_.size();
    if (holds_[at][file]) return at;
  }
  return kNowhere;
}

int NodeExchange::ServerOf(size_t node, size_t file, int for_rank) const {
  const std::vector<int>& ranks = ranks_[SourceOf(node, file)];
  return ranks[static_cast<size_t>(for_rank) % ranks.size()];
}

absl::Status NodeExchange::CheckHeld(const std::vector<Need>& needs) const {
  for (const Need& need : needs) {
    if (SourceOf(0, need.file) != kNowhere) continue;
    return absl::DataLossError(absl::StrCat(
        names_[need.file], " is needed, and no node has a good copy of it"));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> NodeExchange::Plan(const std::vector<Need>& needs) {
  // Every node's needs, told by its first rank.
  ASSIGN_OR_RETURN(
      const std::vector<std::string> texts,
      AllGatherStrings(
          world_,
          rank_in_node_ > 0
              ? absl::string_view()
              : absl::string_view(reinterpret_cast<const char*>(needs.data()),
                                  needs.size() * sizeof(Need))));
  plans_.clear();
  size_t rounds = 0;
  for (const std::vector<int>& ranks : ranks_) {
    const std::string& text = texts[static_cast<size_t>(ranks[0])];
    std::vector<Need> of_node(text.size() / sizeof(Need));
    std::memcpy(of_node.data(), text.data(), text.size());
    RETURN_IF_ERROR(CheckHeld(of_node));
    plans_.push_back(PlanLoad(of_node, files_, ranks.size()));
    rounds = std::max(rounds, plans_.back().rounds());
  }
  return rounds;
}

absl::Status NodeExchange::Round(size_t round, char* window, Findings* found) {
  const LoadPlan& plan = plans_[node_];
  std::vector<std::unique_ptr<CommRequest>> requests;
  if (const Window* mine = plan.WindowOf(rank_in_node_, round)) {
    for (const BlockRun& run : *mine) {
      const auto [file, block] = plan.blocks[run.begin];
      if (IsHere(file)) continue;
      ASSIGN_OR_RETURN(
          requests.emplace_back(),
          world_.Receive(window + run.at + files_[file].OffsetInPage(block),
                         BytesOf(run, plan, files_),
                         ServerOf(node_, file, world_.rank()), kTag));
    }
  }
  // All receives are posted before anything is sent, so that one buffer will do
  // and nobody waits for ever: who is in an earlier round waits for nobody
  // here.
  for (size_t node = 0; node < plans_.size(); ++node) {
    if (node == node_) continue;
    for (size_t rank = 0; rank < ranks_[node].size(); ++rank) {
      const Window* of_other = plans_[node].WindowOf(rank, round);
      if (of_other == nullptr) continue;
      RETURN_IF_ERROR(Serve(node, rank, *of_other, found));
    }
  }
  for (std::unique_ptr<CommRequest>& request : requests) {
    RETURN_IF_ERROR(request->Wait());
  }
  return absl::OkStatus();
}

absl::Status NodeExchange::Serve(size_t node, size_t rank, const Window& window,
                                 Findings* found) {
  const LoadPlan& plan = plans_[node];
  const int receiver = ranks_[node][rank];
  for (const BlockRun& run : window) {
    const auto [number, block] = plan.blocks[run.begin];
    if (SourceOf(node, number) != node_ ||
        ServerOf(node, number, receiver) != world_.rank()) {
      continue;
    }
    const BlockFile& file = files_[number];
    const uint64_t bytes = BytesOf(run, plan, files_);
    buffer_.resize(bytes);
    const size_t end = block + (run.end - run.begin);
    // What is damaged goes as well: the receiver waits for it, and hears of it.
    found->Add(file.ReadBlocks(block, end, buffer_.data()), number);
    ASSIGN_OR_RETURN(const std::unique_ptr<CommRequest> request,
                     world_.Send(buffer_.data(), bytes, receiver, kTag));
    RETURN_IF_ERROR(request->Wait());
  }
  return absl::OkStatus();
}

}  // namespace perdure
