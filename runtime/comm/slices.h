#ifndef PERDURE_RUNTIME_COMM_SLICES_H_
#define PERDURE_RUNTIME_COMM_SLICES_H_

// How n elements are cut among the ranks that reduce them: equal slices of
// whole cache lines (of 64 bytes), so that no two ranks write one line.

#include <algorithm>
#include <cstdint>

namespace perdure {

struct Slice {
  int64_t begin = 0;
  int64_t count = 0;
};

inline Slice SliceOf(int64_t n, int ranks, int rank, int64_t element_bytes) {
  const int64_t line = 64 / element_bytes;
  const int64_t each = ((n + ranks - 1) / ranks + line - 1) / line * line;
  const int64_t begin = std::min(n, each * rank);
  return {begin, std::min(n, begin + each) - begin};
}

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_SLICES_H_
