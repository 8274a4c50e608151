#ifndef PERDURE_RUNTIME_DATA_MERGE_TABLE_H_
#define PERDURE_RUNTIME_DATA_MERGE_TABLE_H_

// Byte-pair encoding proper (Sennrich et al. 2016): which neighbours merge into
// what, and in which order. Byte-level and SentencePiece-like vocabularies
// differ only in their symbols.

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace perdure {

class MergeTable {
 public:
  struct Merge {
    int32_t rank = 0;    // lower merges first; equal ones from the left
    int32_t result = 0;  // id
  };
  // The first entry of a pair counts.
  void Add(int32_t left, int32_t right, Merge merge);
  // Merges neighbours until none can be; O(n log n).
  void Apply(std::vector<int32_t>* symbols) const;
  size_t size() const { return merges_.size(); }

 private:
  const Merge* Find(int32_t left, int32_t right) const;
  absl::flat_hash_map<uint64_t, Merge> merges_;  // key: left << 32 | right
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_MERGE_TABLE_H_
