#include "checkpoint/journal/lineage.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"

namespace perdure {

absl::StatusOr<Lineage> Lineage::Of(const std::vector<JournalHeader>& headers) {
  std::map<int64_t, const JournalHeader*> by_generation;
  for (const JournalHeader& header : headers) {
    by_generation[header.generation()] = &header;
  }
  Lineage lineage;
  if (by_generation.empty()) return lineage;
  const JournalHeader* at = by_generation.rbegin()->second;
  const std::string& run_id = at->run_id();
  LineageLink link;
  while (true) {
    if (at->run_id() != run_id) {
      return absl::DataLossError(absl::StrCat(
          "journal/gen-", at->generation(), ".log is of run ", at->run_id(),
          ", but generation ", by_generation.rbegin()->first, " of run ",
          run_id, " goes on from it; put the right file back"));
    }
    link.generation = at->generation();
    link.first_step = at->fork_step();
    lineage.links_.push_back(link);
    if (at->parent_generation() == 0) break;
    link.last_step = std::min(link.last_step, at->fork_step());
    link.bytes = at->fork_bytes();
    link.checksum = at->fork_checksum();
    // Generations descend (ScanHeader), so this ends.
    const auto parent = by_generation.find(at->parent_generation());
    if (parent == by_generation.end()) {
      lineage.unknown_generation_ = at->parent_generation();
      lineage.unknown_last_step_ = link.last_step;
      break;
    }
    at = parent->second;
  }
  return lineage;
}

bool Lineage::Allows(int64_t generation, int64_t step) const {
  if (empty()) return true;
  for (const LineageLink& link : links_) {
    if (link.generation == generation) {
      return step >= link.first_step && step <= link.last_step;
    }
  }
  return generation <= unknown_generation_ && step <= unknown_last_step_;
}

const LineageLink* Lineage::LinkOf(int64_t step) const {
  for (const LineageLink& link : links_) {
    if (link.first_step <= step) return &link;
  }
  return nullptr;
}

}  // namespace perdure
