#ifndef PERDURE_RUNTIME_DATA_BLEND_H_
#define PERDURE_RUNTIME_DATA_BLEND_H_

// Which of several sources each sample comes from, so that after any number of
// samples every source has had its share to within log2(sources) + 1 samples.
// A pure function of the sample's index: no table, no history.

#include <cstdint>
#include <vector>

namespace perdure {

class Blend {
 public:
  // Weights are relative, finite, not negative, and not all 0.
  explicit Blend(const std::vector<double>& weights);

  struct Place {
    int source = 0;
    int64_t index = 0;  // how many earlier samples came from this source
  };
  Place Locate(int64_t sample) const;

 private:
  // Fixed-point share of the left half of the sources [begin, end).
  uint64_t LeftShare(int begin, int end) const;

  std::vector<double> cumulative_;  // [sources + 1]
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_BLEND_H_
