#include "checkpoint/snapshot/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/format/tensor_index.h"
#include "checkpoint/snapshot/names.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

// Every difference between the tensors and the model's parameters.
absl::Status CheckAgainstModel(const std::vector<StateTensor>& tensors,
                               const std::vector<ParamSpec>& specs) {
  std::map<std::string, const ParamSpec*> missing;
  std::map<std::string, const ParamSpec*> stored;
  for (const ParamSpec& spec : specs) {
    if (!spec.alias_of.empty()) continue;
    missing.emplace(spec.name, &spec);
    stored.emplace(spec.name, &spec);
  }
  std::vector<std::string> problems;
  for (const StateTensor& tensor : tensors) {
    const auto spec = stored.find(tensor.name);
    if (spec == stored.end()) {
      problems.push_back(absl::StrCat(TensorLabel(tensor), " is no parameter"));
    } else if (spec->second->shape != tensor.shape) {
      problems.push_back(absl::StrCat(TensorLabel(tensor), " is ",
                                      ShapeText(tensor.shape), ", not ",
                                      ShapeText(spec->second->shape)));
    }
    if (tensor.kind == StateKind::kWeight) missing.erase(tensor.name);
  }
  for (const auto& [name, spec] : missing) {
    problems.push_back(absl::StrCat("weight ", name, " comes from no rank"));
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the state does not fit the model: ",
                                          absl::StrJoin(problems, "; ")));
}

struct OwnedRange {
  StateRange range;
  size_t rank;
};

// Of one tensor, whose ranges are [first, last), ascending.
absl::Status CheckTensorCoverage(const StateTensor& tensor,
                                 const OwnedRange* first,
                                 const OwnedRange* last) {
  const std::string name = TensorLabel(tensor);
  OwnedRange before{{}, 0};
  for (; first != last; ++first) {
    const StateRange& range = first->range;
    if (range.begin < before.range.end) {
      return absl::InternalError(absl::StrCat(name, ": element ", range.begin,
                                              " comes from rank ", before.rank,
                                              " and from rank ", first->rank));
    }
    if (range.begin > before.range.end) {
      return absl::InternalError(
          absl::StrCat(name, ": elements ", before.range.end, " to ",
                       range.begin, " come from no rank"));
    }
    before = *first;
  }
  if (before.range.end == tensor.elements()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(name, ": elements ", before.range.end,
                                          " to ", tensor.elements(),
                                          " come from no rank"));
}

// 1-D parameters may be fp32 beside 16-bit matrices.
std::string TorchDtype(const std::vector<TensorShape>& weights) {
  const auto any = [&](DType dtype) {
    return std::any_of(
        weights.begin(), weights.end(),
        [&](const TensorShape& weight) { return weight.dtype == dtype; });
  };
  return any(DType::kBF16)  ? "bfloat16"
         : any(DType::kF16) ? "float16"
                            : "float32";
}

void Append(const void* data, size_t size, std::string* bytes) {
  bytes->append(static_cast<const char*>(data), size);
}

}  // namespace

std::string TensorLabel(const StateTensor& tensor) {
  return absl::StrCat(StateKindName(tensor.kind), " ", tensor.name);
}

absl::Status CheckCoverage(const StateMap& map) {
  std::vector<OwnedRange> all;
  for (size_t rank = 0; rank < map.ranges.size(); ++rank) {
    for (const StateRange& range : map.ranges[rank]) {
      all.push_back({range, rank});
    }
  }
  std::sort(all.begin(), all.end(),
            [](const OwnedRange& a, const OwnedRange& b) {
              return std::tie(a.range.tensor, a.range.begin, a.rank) <
                     std::tie(b.range.tensor, b.range.begin, b.rank);
            });
  size_t next = 0;
  for (uint32_t i = 0; i < map.tensors.size(); ++i) {
    const size_t first = next;
    while (next < all.size() && all[next].range.tensor == i) ++next;
    RETURN_IF_ERROR(CheckTensorCoverage(map.tensors[i], all.data() + first,
                                        all.data() + next));
  }
  return absl::OkStatus();
}

FilePlace SnapshotPlan::PlaceOf(size_t rank, size_t range) const {
  if (per_node.has_value()) return per_node->PlaceOf(map, rank, range);
  const StateRange& r = map.ranges[rank][range];
  const int64_t size = SizeOf(map.tensors[r.tensor].dtype);
  return {FileOf(r.tensor),
          offsets[r.tensor] + static_cast<uint64_t>(r.begin * size)};
}

std::vector<std::string> SnapshotPlan::WrittenFiles() const {
  if (!per_node.has_value()) return {kWeightsName, kOptimizerName};
  std::vector<std::string> names;
  for (size_t node = 0; node < per_node->nodes.size(); ++node) {
    names.push_back(NodeFileName(node));
  }
  return names;
}

absl::StatusOr<SnapshotPlan> MakePlan(StateMap map, const ModelConfig& model,
                                      const std::vector<size_t>& node_of_rank) {
  const std::vector<ParamSpec> specs = ModelParams(model);
  RETURN_IF_ERROR(CheckCoverage(map));
  RETURN_IF_ERROR(CheckAgainstModel(map.tensors, specs));
  SnapshotPlan plan;
  plan.map = std::move(map);
  std::vector<TensorShape> weights;
  for (const StateTensor& tensor : plan.map.tensors) {
    if (tensor.kind == StateKind::kWeight) {
      weights.push_back({tensor.name, tensor.dtype, tensor.shape});
    } else {
      plan.datasets.push_back(
          {absl::StrCat("/", StateKindName(tensor.kind), "/", tensor.name),
           tensor.dtype, tensor.shape});
    }
  }
  plan.weights = weights.size();
  for (const ParamSpec& spec : specs) {
    if (spec.alias_of.empty()) continue;
    plan.aliases.push_back({spec.name, spec.alias_of, spec.shape});
  }
  plan.layout = LayOutSafetensors(weights);
  plan.offsets = plan.layout.offsets;
  plan.offsets.resize(plan.map.tensors.size());
  plan.torch_dtype = TorchDtype(weights);
  if (!node_of_rank.empty()) {
    plan.per_node = LayOutNodes(plan.map, node_of_rank);
  }
  return plan;
}

uint64_t HashMap(const StateMap& map) {
  size_t ranges = 0;
  for (const std::vector<StateRange>& list : map.ranges) ranges += list.size();
  std::string bytes;
  bytes.reserve(128 * map.tensors.size() + 24 * ranges);
  for (const StateTensor& tensor : map.tensors) {
    const uint64_t head[] = {static_cast<uint64_t>(tensor.kind),
                             static_cast<uint64_t>(tensor.dtype),
                             tensor.shape.size(), tensor.name.size()};
    Append(head, sizeof(head), &bytes);
    Append(tensor.shape.data(), tensor.shape.size() * sizeof(int64_t), &bytes);
    bytes += tensor.name;
  }
  for (const std::vector<StateRange>& ranges : map.ranges) {
    const uint64_t count = ranges.size();
    Append(&count, sizeof(count), &bytes);
    for (const StateRange& range : ranges) {
      const int64_t fields[] = {range.tensor, range.begin, range.end};
      Append(fields, sizeof(fields), &bytes);
    }
  }
  return Checksum(bytes.data(), bytes.size());
}

}  // namespace perdure
