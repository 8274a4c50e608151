#include "runtime/nn/param_spec.h"

#include "glog/logging.h"

namespace perdure {
namespace {

// What the shard has of one part: [begin, end) along the split dim of the
// whole.
Range PartShard(const ParamSpec::Part& part, int64_t part_begin, int tp,
                int tp_rank) {
  CHECK_EQ(part.size % part.units, 0);
  const int64_t unit = part.size / part.units;
  const Range units = EvenPart(part.units, tp, tp_rank);
  return {part_begin + units.begin * unit, part_begin + units.end * unit};
}

// The shard along the split dim, part by part.
std::vector<Range> ShardRanges(const ParamSpec& spec, int tp, int tp_rank) {
  std::vector<Range> ranges;
  int64_t part_begin = 0;
  for (const ParamSpec::Part& part : spec.parts) {
    ranges.push_back(PartShard(part, part_begin, tp, tp_rank));
    part_begin += part.size;
  }
  CHECK_EQ(part_begin, spec.shape[spec.split_dim]) << spec.name;
  return ranges;
}

// Appends, merging with the last run where both sides go on.
void AppendRun(int64_t global_offset, int64_t length,
               std::vector<ShardRun>* runs) {
  if (length == 0) return;
  int64_t local_offset = 0;
  if (!runs->empty()) {
    ShardRun& last = runs->back();
    if (last.global_offset + last.length == global_offset) {
      last.length += length;
      return;
    }
    local_offset = last.local_offset + last.length;
  }
  runs->push_back({global_offset, local_offset, length});
}

}  // namespace

std::vector<int64_t> ShardShape(const ParamSpec& spec, int tp, int tp_rank) {
  std::vector<int64_t> shape = spec.shape;
  if (spec.split_dim < 0) return shape;
  int64_t size = 0;
  for (const Range& range : ShardRanges(spec, tp, tp_rank)) {
    size += range.size();
  }
  shape[spec.split_dim] = size;
  return shape;
}

std::vector<ShardRun> ShardRuns(const ParamSpec& spec, int tp, int tp_rank) {
  if (spec.split_dim < 0) return {{0, 0, spec.size()}};
  const std::vector<Range> ranges = ShardRanges(spec, tp, tp_rank);
  const int64_t columns = spec.is_matrix() ? spec.shape[1] : 1;
  std::vector<ShardRun> runs;
  if (spec.split_dim == 0) {
    for (const Range& range : ranges) {
      AppendRun(range.begin * columns, range.size() * columns, &runs);
    }
    return runs;
  }
  for (int64_t row = 0; row < spec.shape[0]; ++row) {
    for (const Range& range : ranges) {
      AppendRun(row * columns + range.begin, range.size(), &runs);
    }
  }
  return runs;
}

std::optional<LoraRoles> LoraRolesOf(ParamRole weight) {
  switch (weight) {
    case ParamRole::kQkvWeight:
      return LoraRoles{ParamRole::kQkvLoraA, ParamRole::kQkvLoraB};
    case ParamRole::kQWeight:
      return LoraRoles{ParamRole::kQLoraA, ParamRole::kQLoraB};
    case ParamRole::kKWeight:
      return LoraRoles{ParamRole::kKLoraA, ParamRole::kKLoraB};
    case ParamRole::kVWeight:
      return LoraRoles{ParamRole::kVLoraA, ParamRole::kVLoraB};
    case ParamRole::kAttnOutWeight:
      return LoraRoles{ParamRole::kAttnOutLoraA, ParamRole::kAttnOutLoraB};
    case ParamRole::kGateWeight:
      return LoraRoles{ParamRole::kGateLoraA, ParamRole::kGateLoraB};
    case ParamRole::kUpWeight:
      return LoraRoles{ParamRole::kUpLoraA, ParamRole::kUpLoraB};
    case ParamRole::kDownWeight:
      return LoraRoles{ParamRole::kDownLoraA, ParamRole::kDownLoraB};
    default:
      return std::nullopt;
  }
}

bool IsAdapter(ParamRole role) {
  return role >= ParamRole::kQkvLoraA && role <= ParamRole::kPrefixV;
}

int64_t CountTrainable(const std::vector<ParamSpec>& specs) {
  int64_t count = 0;
  for (const ParamSpec& spec : specs) {
    if (spec.alias_of.empty() && spec.trainable) count += spec.size();
  }
  return count;
}

int64_t CountParams(const std::vector<ParamSpec>& specs) {
  int64_t count = 0;
  for (const ParamSpec& spec : specs) {
    if (spec.alias_of.empty()) count += spec.size();
  }
  return count;
}

}  // namespace perdure
