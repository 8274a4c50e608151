#ifndef PERDURE_RUNTIME_TOPOLOGY_TOPOLOGY_H_
#define PERDURE_RUNTIME_TOPOLOGY_TOPOLOGY_H_

// The mesh of ranks: world = pp x dp x pertp x cp x tp, tp fastest (its ranks
// stay inside a node). Pure arithmetic; no communication.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/config/topology.pb.h"

namespace perdure {

// The axes, slowest first.
enum class Axis {
  kPipeline = 0,
  kData = 1,
  kPerturbation = 2,
  kContext = 3,
  kTensor = 4
};
inline constexpr int kAxes = 5;
const char* AxisName(Axis axis);  // "pp", "dp", "pertp", "cp", "tp"

struct RankCoordinates {
  int pp = 0, dp = 0, pertp = 0, cp = 0, tp = 0;
  friend bool operator==(const RankCoordinates&,
                         const RankCoordinates&) = default;
};

class Topology {
 public:
  Topology() : degrees_{1, 1, 1, 1, 1} {}
  // Degrees from the config; dp takes what is left of `ranks` where it is not
  // given. InvalidArgument with the arithmetic if the product is not `ranks`.
  static absl::StatusOr<Topology> Create(const TopologyConfig& config,
                                         int ranks);

  int degree(Axis axis) const { return degrees_[static_cast<int>(axis)]; }
  int pp() const { return degrees_[0]; }
  int dp() const { return degrees_[1]; }
  int pertp() const { return degrees_[2]; }
  int cp() const { return degrees_[3]; }
  int tp() const { return degrees_[4]; }
  int ranks() const;

  RankCoordinates CoordinatesOf(int rank) const;
  int RankOf(const RankCoordinates& coordinates) const;
  // The world ranks that differ from `rank` in the given axes only, ascending.
  std::vector<int> GroupOf(int rank, const std::vector<Axis>& axes) const;
  // Which of the groups over `axes` the rank is in: equal for its members only.
  int GroupIndex(int rank, const std::vector<Axis>& axes) const;
  std::string ToString() const;  // "pp 2 x dp 2 x tp 1"

  friend bool operator==(const Topology&, const Topology&) = default;

 private:
  std::array<int, kAxes> degrees_;
};

// [begin, end) of part `index` of `parts` of n items; the first n % parts parts
// get one more. Every uneven split in Perdure is this one.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
  friend bool operator==(const Range&, const Range&) = default;
};
Range EvenPart(int64_t n, int parts, int index);
Range Intersect(Range a, Range b);  // empty (begin == end) where they miss

}  // namespace perdure

#endif  // PERDURE_RUNTIME_TOPOLOGY_TOPOLOGY_H_
