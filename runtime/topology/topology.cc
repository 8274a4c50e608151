#include "runtime/topology/topology.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"

namespace perdure {
namespace {

constexpr const char* kAxisNames[kAxes] = {"pp", "dp", "pertp", "cp", "tp"};

std::array<int, kAxes> ToArray(const RankCoordinates& c) {
  return {c.pp, c.dp, c.pertp, c.cp, c.tp};
}

RankCoordinates FromArray(const std::array<int, kAxes>& c) {
  return {c[0], c[1], c[2], c[3], c[4]};
}

std::array<bool, kAxes> Selected(const std::vector<Axis>& axes) {
  std::array<bool, kAxes> selected{};
  for (const Axis axis : axes) selected[static_cast<int>(axis)] = true;
  return selected;
}

// A product of degrees as it is written on paper: "pp 2 x tp 3 = 6", and 6.
struct Arithmetic {
  std::string text;
  int64_t product = 1;
};

// Leaves degrees of 1 out of the text.
Arithmetic Multiply(const std::vector<std::pair<const char*, int>>& degrees) {
  Arithmetic result;
  std::vector<std::string> factors;
  for (const auto& [name, degree] : degrees) {
    if (degree != 1) factors.push_back(absl::StrCat(name, " ", degree));
    result.product *= degree;
  }
  if (factors.empty()) factors.push_back("every axis 1");
  result.text =
      absl::StrCat(absl::StrJoin(factors, " x "), " = ", result.product);
  return result;
}

std::string Started(int ranks) {
  return absl::StrCat(ranks, ranks == 1 ? " rank" : " ranks",
                      " that mpirun started");
}

// A program under another MPI's mpirun sees a world of one rank in each
// process.
std::string ForeignMpirunHint(int ranks) {
  if (ranks > 1) return "";
  return "; if mpirun was asked for more, it is not the one of the MPI library "
         "this program is linked with";
}

absl::Status CheckDegrees(const TopologyConfig& config, int ranks) {
  const int dp = config.has_dp() ? config.dp() : 1;
  const std::pair<const char*, int> degrees[] = {{"pp", config.pp()},
                                                 {"dp", dp},
                                                 {"pertp", config.pertp()},
                                                 {"tp", config.tp()}};
  for (const auto& [name, degree] : degrees) {
    if (degree >= 1 && degree <= (1 << 15)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("topology.", name, ": ", degree,
                     " is no degree of an axis; give 1 to 32768"));
  }
  if (ranks >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("topology: ", ranks, " ranks; there must be at least 1"));
}

}  // namespace

const char* AxisName(Axis axis) { return kAxisNames[static_cast<int>(axis)]; }

absl::StatusOr<Topology> Topology::Create(const TopologyConfig& config,
                                          int ranks) {
  RETURN_IF_ERROR(CheckDegrees(config, ranks));
  Topology topology;
  topology.degrees_ = {config.pp(), 1, config.pertp(), 1, config.tp()};
  const Arithmetic others = Multiply(
      {{"pp", config.pp()}, {"pertp", config.pertp()}, {"tp", config.tp()}});
  if (config.has_dp()) {
    const Arithmetic all = Multiply({{"pp", config.pp()},
                                     {"dp", config.dp()},
                                     {"pertp", config.pertp()},
                                     {"tp", config.tp()}});
    if (all.product != ranks) {
      return absl::InvalidArgumentError(absl::StrCat(
          "topology: ", all.text, " is not the ", Started(ranks), "; start ",
          all.product, " ranks (mpirun -n ", all.product,
          "), or leave topology.dp out and start a multiple of ",
          others.product, ForeignMpirunHint(ranks)));
    }
    topology.degrees_[1] = config.dp();
    return topology;
  }
  if (ranks % others.product != 0) {
    const int64_t next = (ranks / others.product + 1) * others.product;
    return absl::InvalidArgumentError(absl::StrCat(
        "topology: ", others.text, " does not divide the ", Started(ranks),
        "; set topology.pp and topology.tp so that their product divides ",
        ranks, ", or start ", next, " ranks (dp ", next / others.product, ")",
        ForeignMpirunHint(ranks)));
  }
  topology.degrees_[1] = static_cast<int>(ranks / others.product);
  return topology;
}

int Topology::ranks() const {
  int product = 1;
  for (const int degree : degrees_) product *= degree;
  return product;
}

RankCoordinates Topology::CoordinatesOf(int rank) const {
  CHECK(rank >= 0 && rank < ranks()) << "rank " << rank << " of " << ranks();
  std::array<int, kAxes> coordinates{};
  for (int axis = kAxes - 1; axis >= 0; --axis) {
    coordinates[axis] = rank % degrees_[axis];
    rank /= degrees_[axis];
  }
  return FromArray(coordinates);
}

int Topology::RankOf(const RankCoordinates& coordinates) const {
  const std::array<int, kAxes> c = ToArray(coordinates);
  int rank = 0;
  for (int axis = 0; axis < kAxes; ++axis) {
    CHECK(c[axis] >= 0 && c[axis] < degrees_[axis])
        << kAxisNames[axis] << " " << c[axis] << " of " << degrees_[axis];
    rank = rank * degrees_[axis] + c[axis];
  }
  return rank;
}

std::vector<int> Topology::GroupOf(int rank,
                                   const std::vector<Axis>& axes) const {
  const std::array<bool, kAxes> selected = Selected(axes);
  const std::array<int, kAxes> mine = ToArray(CoordinatesOf(rank));
  std::vector<int> group;
  for (int other = 0; other < ranks(); ++other) {
    const std::array<int, kAxes> theirs = ToArray(CoordinatesOf(other));
    bool same = true;
    for (int axis = 0; axis < kAxes; ++axis) {
      same = same && (selected[axis] || theirs[axis] == mine[axis]);
    }
    if (same) group.push_back(other);
  }
  return group;
}

int Topology::GroupIndex(int rank, const std::vector<Axis>& axes) const {
  const std::array<bool, kAxes> selected = Selected(axes);
  const std::array<int, kAxes> mine = ToArray(CoordinatesOf(rank));
  int index = 0;
  for (int axis = 0; axis < kAxes; ++axis) {
    if (!selected[axis]) index = index * degrees_[axis] + mine[axis];
  }
  return index;
}

std::string Topology::ToString() const {
  std::vector<std::string> factors;
  for (int axis = 0; axis < kAxes; ++axis) {
    // The two axes that few runs use are named only where they are used.
    const bool rare = axis == static_cast<int>(Axis::kPerturbation) ||
                      axis == static_cast<int>(Axis::kContext);
    if (rare && degrees_[axis] == 1) continue;
    factors.push_back(absl::StrCat(kAxisNames[axis], " ", degrees_[axis]));
  }
  return absl::StrJoin(factors, " x ");
}

Range EvenPart(int64_t n, int parts, int index) {
  CHECK(n >= 0 && parts >= 1 && index >= 0 && index < parts)
      << "part " << index << " of " << parts << " of " << n;
  const int64_t base = n / parts;
  const int64_t longer = n % parts;  // this many parts get one more
  const int64_t begin = index * base + std::min<int64_t>(index, longer);
  return {begin, begin + base + (index < longer ? 1 : 0)};
}

Range Intersect(Range a, Range b) {
  const int64_t begin = std::max(a.begin, b.begin);
  const int64_t end = std::min(a.end, b.end);
  // An empty result still lies inside `a`, so that it can be used as a place.
  if (begin >= end) return {a.begin, a.begin};
  return {begin, end};
}

}  // namespace perdure
