#include "parallel/engine/shares.h"

#include <algorithm>
#include <numeric>

namespace perdure {

std::vector<int64_t> EvenShares(int64_t micro_batches, int replicas) {
  std::vector<int64_t> counts;
  for (int r = 0; r < replicas; ++r) {
    counts.push_back(EvenPart(micro_batches, replicas, r).size());
  }
  return counts;
}

// Each goes to whoever would be done with it first: for equal pieces of work
// the longest time is then the least possible.
std::vector<int64_t> SharesBySpeed(int64_t micro_batches,
                                   const std::vector<double>& speeds) {
  std::vector<int64_t> counts(speeds.size(), 0);
  for (int64_t m = 0; m < micro_batches; ++m) {
    size_t best = 0;
    double earliest = 0;
    for (size_t r = 0; r < speeds.size(); ++r) {
      const double end = static_cast<double>(counts[r] + 1) / speeds[r];
      if (r == 0 || end < earliest) {
        best = r;
        earliest = end;
      }
    }
    ++counts[best];
  }
  return counts;
}

double TimeOf(const std::vector<int64_t>& counts,
              const std::vector<double>& speeds) {
  double longest = 0;
  for (size_t r = 0; r < counts.size(); ++r) {
    longest = std::max(longest, static_cast<double>(counts[r]) / speeds[r]);
  }
  return longest;
}

Range ShareOf(const std::vector<int64_t>& counts, int replica) {
  const auto own = counts.begin() + replica;
  const int64_t begin = std::accumulate(counts.begin(), own, int64_t{0});
  return {begin, begin + *own};
}

}  // namespace perdure
