#include "runtime/data/merge_table.h"

#include <queue>
#include <tuple>

namespace perdure {
namespace {

uint64_t PairKey(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 |
         static_cast<uint32_t>(right);
}

// A merge that was possible when it was queued. It is stale if either symbol
// has changed since.
struct Candidate {
  int32_t rank;
  int32_t position;  // of the left symbol
  int32_t left;
  int32_t right;
  int32_t result;
  bool operator<(const Candidate& other) const {  // the queue's top is largest
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

struct Node {
  int32_t id;  // -1: merged into its left neighbour
  int32_t previous;
  int32_t next;  // -1: none
};

}  // namespace

void MergeTable::Add(int32_t left, int32_t right, Merge merge) {
  merges_.try_emplace(PairKey(left, right), merge);
}

const MergeTable::Merge* MergeTable::Find(int32_t left, int32_t right) const {
  const auto found = merges_.find(PairKey(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void MergeTable::Apply(std::vector<int32_t>* symbols) const {
  const auto n = static_cast<int32_t>(symbols->size());
  std::vector<Node> nodes(n);
  std::priority_queue<Candidate> queue;
  const auto consider = [&](int32_t position) {
    if (position < 0 || nodes[position].next < 0) return;
    const int32_t left = nodes[position].id;
    const int32_t right = nodes[nodes[position].next].id;
    if (const Merge* merge = Find(left, right)) {
      queue.push({merge->rank, position, left, right, merge->result});
    }
  };
  for (int32_t i = 0; i < n; ++i) {
    nodes[i] = {(*symbols)[i], i - 1, i + 1 < n ? i + 1 : -1};
  }
  for (int32_t i = 0; i < n; ++i) consider(i);

  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Node& left = nodes[best.position];
    if (left.id != best.left || left.next < 0 ||
        nodes[left.next].id != best.right) {
      continue;
    }
    Node& right = nodes[left.next];
    left.id = best.result;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) nodes[left.next].previous = best.position;
    consider(left.previous);
    consider(best.position);
  }

  symbols->clear();
  for (int32_t i = n > 0 ? 0 : -1; i >= 0; i = nodes[i].next) {
    symbols->push_back(nodes[i].id);
  }
}

}  // namespace perdure
