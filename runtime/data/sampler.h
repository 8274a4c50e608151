#ifndef PERDURE_RUNTIME_DATA_SAMPLER_H_
#define PERDURE_RUNTIME_DATA_SAMPLER_H_

// Where the tokens of a sample lie: a pure function of the sample's index. A
// window is T inputs and the target of the last, T + 1 tokens.

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/config/data.pb.h"
#include "runtime/data/dataset.h"

namespace perdure {

struct SamplerOptions {
  int64_t sequence_length = 0;  // T
  std::vector<int64_t> tokens;  // of each file in this split
  std::vector<double> weights;  // of each file; empty: by their tokens
  uint64_t seed = 0;
};

class Sampler {
 public:
  virtual ~Sampler() = default;
  // Offsets count from the start of the split's part of the file.
  virtual Dataset::Window Locate(int64_t sample) const = 0;
  virtual int64_t windows() const = 0;
};

// Windows in the order of the files, round and round. The last window of a file
// may reach beyond its end, so that every token but the first is a target.
std::unique_ptr<Sampler> MakeConsecutiveSampler(const SamplerOptions& options);

// The other two draw only whole windows; every file has one at least.
std::unique_ptr<Sampler> MakePermutationSampler(const SamplerOptions& options);
std::unique_ptr<Sampler> MakeRandomOffsetSampler(const SamplerOptions& options);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_SAMPLER_H_
