#ifndef PERDURE_RUNTIME_STATE_STATE_MAP_H_
#define PERDURE_RUNTIME_STATE_STATE_MAP_H_

// Which rank saves which elements of a run's state. A pure function of model,
// topology and optimizer, so every rank knows all of it without asking.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/state/train_state.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

// A whole tensor.
struct StateTensor {
  StateKind kind = StateKind::kWeight;
  std::string name;  // Hugging Face name
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;

  int64_t elements() const;
  uint64_t bytes() const;
};

// By kind, then larger elements first, then name: the order of their bytes in
// the files of a snapshot.
bool operator<(const StateTensor& a, const StateTensor& b);

// Elements [begin, end) (flat, row-major) of tensors[tensor].
struct StateRange {
  uint32_t tensor = 0;
  int64_t begin = 0;
  int64_t end = 0;
  friend bool operator==(const StateRange&, const StateRange&) = default;
};

struct StateMap {
  std::vector<StateTensor> tensors;  // sorted, none twice
  // By rank of the world, each list ascending. Together they cover every
  // element of every tensor once.
  std::vector<std::vector<StateRange>> ranges;
};

// Where a rank hands over its ranges.
class StateSink {
 public:
  virtual ~StateSink() = default;
  // Bytes [offset, offset + bytes) of this rank's range number `range`; they
  // are copied before the call returns, which may wait for room. All ranges are
  // given in order, each from its first byte to its last.
  virtual absl::Status Take(size_t range, uint64_t offset, const void* data,
                            uint64_t bytes) = 0;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_STATE_STATE_MAP_H_
