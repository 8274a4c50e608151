#ifndef PERDURE_PARALLEL_ENGINE_OWNERSHIP_H_
#define PERDURE_PARALLEL_ENGINE_OWNERSHIP_H_

// Which replica reduces, updates and saves which elements (ZeRO-1: Rajbhandari
// et al. 2020). Every slot is cut among the dp replicas: matrices by whole
// rows, vectors by elements. Rows, because then all tensor-parallel ranks of a
// replica own the same rows of a tensor that is split along its columns.

#include <cstdint>
#include <vector>

#include "runtime/nn/param_layout.h"

namespace perdure {

// Elements [begin, end) of the local shard in slot number `slot`; their
// optimizer state starts at state_offset of flat state buffers.
struct OwnedRange {
  int slot = 0;
  int64_t begin = 0;
  int64_t end = 0;
  int64_t state_offset = 0;
  int64_t size() const { return end - begin; }
};

struct Ownership {
  std::vector<OwnedRange> ranges;  // by slot; empty ranges are left out
  int64_t state_size = 0;          // elements, a multiple of 16
};

// What replica `dp_rank` of `dp` owns; dp = 1: everything.
Ownership OwnedBy(const ParamLayout& layout, int dp, int dp_rank);
// The same of the slots that are trained: only they have gradients and
// optimizer state.
Ownership TrainedBy(const ParamLayout& layout, int dp, int dp_rank);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_OWNERSHIP_H_
