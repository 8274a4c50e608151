#include "parallel/engine/save_map.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "parallel/engine/even_loads.h"
#include "parallel/engine/ownership.h"

namespace perdure {
namespace {

// The ranks that hold the same elements: replicas `part` of the optimizer's
// parts (-1: all), with tensor-parallel rank `tp` (-1: all).
struct HolderSet {
  int part = -1;
  int tp = -1;
  friend bool operator<(const HolderSet& a, const HolderSet& b) {
    return std::tie(a.part, a.tp) < std::tie(b.part, b.tp);
  }
};

// One pipeline stage.
class StageMap {
 public:
  StageMap(const ModelConfig& model, const Topology& topology, int stage,
           const StateOutline& outline)
      : topology_(topology), stage_(stage), outline_(outline) {
    for (int tp = 0; tp < topology.tp(); ++tp) {
      RankCoordinates at;
      at.pp = stage;
      at.tp = tp;
      layouts_.emplace_back(model, topology, at);
      for (int part = 0; part < outline.optimizer_parts; ++part) {
        owned_.push_back(
            OwnedBy(layouts_.back(), outline.optimizer_parts, part));
      }
    }
  }

  // Tensors of this stage, with the slot that each is of.
  std::vector<std::pair<StateTensor, int>> Tensors() const {
    std::vector<std::pair<StateTensor, int>> tensors;
    const std::vector<ParamSlot>& slots = layouts_[0].slots();
    for (size_t i = 0; i < slots.size(); ++i) {
      if (slots[i].is_copy) continue;
      const ParamSpec& spec = slots[i].spec;
      const auto add = [&](StateKind kind, DType dtype) {
        tensors.push_back(
            {{kind, spec.name, dtype, spec.shape}, static_cast<int>(i)});
      };
      add(StateKind::kWeight,
          spec.is_matrix() ? outline_.matrix_dtype : DType::kF32);
      if (!outline_.optimizer_kinds) continue;
      for (const StateKind kind : outline_.optimizer_kinds(slots[i])) {
        add(kind, DType::kF32);
      }
    }
    return tensors;
  }

  // Puts a tensor on the lines of those who hold it.
  void Add(uint32_t number, const StateTensor& tensor, int slot) {
    const bool weight = tensor.kind == StateKind::kWeight;
    const int parts = weight ? 1 : outline_.optimizer_parts;
    for (int part = 0; part < parts; ++part) {
      const int holders = parts == 1 ? -1 : part;
      const int64_t element = SizeOf(tensor.dtype);
      const ParamSpec& spec = layouts_[0].slots()[slot].spec;
      if (spec.split_dim == 0 && topology_.tp() > 1) {
        for (int tp = 0; tp < topology_.tp(); ++tp) {
          AddShard(number, slot, tp, {parts, part}, element,
                   &lines_[{holders, tp}]);
        }
        continue;
      }
      // Rows of a tensor that is split along its columns can be made whole by
      // any of its shards' holders; what is not split all have anyway.
      const bool columns = spec.split_dim == 1 && topology_.tp() > 1;
      const int64_t width = spec.is_matrix() ? spec.shape[1] : 1;
      const Range rows = EvenPart(spec.shape[0], parts, part);
      if (rows.size() == 0) continue;
      lines_[{holders, -1}].push_back({number, rows.begin * width,
                                       rows.end * width, columns ? width : 1,
                                       element});
    }
  }

  // Cuts all lines; by world rank.
  void Cut(std::vector<std::vector<StateRange>>* ranges) const {
    std::vector<std::pair<std::vector<int>, const std::vector<LineRun>*>> sets;
    for (const auto& [set, line] : lines_) {
      sets.emplace_back(RanksOf(set), &line);
    }
    // Those with fewer holders have less choice.
    std::stable_sort(sets.begin(), sets.end(),
                     [](const auto& a, const auto& b) {
                       return a.first.size() < b.first.size();
                     });
    std::map<int, int64_t> loads;
    for (const auto& [ranks, line] : sets) {
      int64_t bytes = 0;
      for (const LineRun& run : *line) bytes += run.bytes();
      std::vector<int64_t> before;
      for (const int rank : ranks) before.push_back(loads[rank]);
      const auto parts = CutLine(*line, LevelLoads(before, bytes));
      for (size_t i = 0; i < ranks.size(); ++i) {
        for (const LinePart& part : parts[i]) {
          (*ranges)[static_cast<size_t>(ranks[i])].push_back(
              {part.tensor, part.begin, part.end});
          loads[ranks[i]] += part.bytes;
        }
      }
    }
  }

 private:
  struct PartOf {
    int parts, part;
  };

  // Shard `tp` of a tensor that is split along its rows.
  void AddShard(uint32_t number, int slot, int tp, PartOf of, int64_t element,
                std::vector<LineRun>* line) const {
    Range held{0, layouts_[static_cast<size_t>(tp)].slots()[slot].size};
    if (of.parts > 1) {
      const Ownership& owned =
          owned_[static_cast<size_t>(tp * of.parts + of.part)];
      held = {0, 0};
      for (const OwnedRange& range : owned.ranges) {
        if (range.slot == slot) held = {range.begin, range.end};
      }
    }
    const ParamSpec& spec = layouts_[0].slots()[slot].spec;
    for (const ShardRun& run : ShardRuns(spec, topology_.tp(), tp)) {
      const Range part =
          Intersect({run.local_offset, run.local_offset + run.length}, held);
      if (part.size() <= 0) continue;
      const int64_t begin = run.global_offset + part.begin - run.local_offset;
      line->push_back({number, begin, begin + part.size(), 1, element});
    }
  }

  std::vector<int> RanksOf(const HolderSet& set) const {
    std::vector<int> ranks;
    const int replicas = topology_.dp() * topology_.pertp();
    for (int replica = 0; replica < replicas; ++replica) {
      if (set.part >= 0 && replica % outline_.optimizer_parts != set.part) {
        continue;
      }
      for (int tp = 0; tp < topology_.tp(); ++tp) {
        if (set.tp >= 0 && tp != set.tp) continue;
        RankCoordinates at;
        at.pp = stage_;
        at.dp = replica / topology_.pertp();
        at.pertp = replica % topology_.pertp();
        at.tp = tp;
        ranks.push_back(topology_.RankOf(at));
      }
    }
    return ranks;
  }

  const Topology& topology_;
  const int stage_;
  const StateOutline& outline_;
  std::vector<ParamLayout> layouts_;  // by tensor-parallel rank
  std::vector<Ownership> owned_;      // by tensor-parallel rank, then part
  std::map<HolderSet, std::vector<LineRun>> lines_;
};

// Ascending, neighbours made one.
void Tidy(std::vector<StateRange>* ranges) {
  std::sort(ranges->begin(), ranges->end(),
            [](const StateRange& a, const StateRange& b) {
              return std::tie(a.tensor, a.begin) < std::tie(b.tensor, b.begin);
            });
  std::vector<StateRange> tidy;
  for (const StateRange& range : *ranges) {
    if (!tidy.empty() && tidy.back().tensor == range.tensor &&
        tidy.back().end == range.begin) {
      tidy.back().end = range.end;
    } else {
      tidy.push_back(range);
    }
  }
  *ranges = std::move(tidy);
}

}  // namespace

StateMap MakeSaveMap(const ModelConfig& model, const Topology& topology,
                     const StateOutline& outline) {
  struct Source {
    StateTensor tensor;
    int stage, slot;
  };
  std::vector<StageMap> stages;
  std::vector<Source> sources;
  for (int stage = 0; stage < topology.pp(); ++stage) {
    stages.emplace_back(model, topology, stage, outline);
    for (auto& [tensor, slot] : stages.back().Tensors()) {
      sources.push_back({std::move(tensor), stage, slot});
    }
  }
  std::sort(
      sources.begin(), sources.end(),
      [](const Source& a, const Source& b) { return a.tensor < b.tensor; });
  StateMap map;
  map.ranges.resize(static_cast<size_t>(topology.ranks()));
  for (const Source& source : sources) {
    stages[static_cast<size_t>(source.stage)].Add(
        static_cast<uint32_t>(map.tensors.size()), source.tensor, source.slot);
    map.tensors.push_back(source.tensor);
  }
  for (const StageMap& stage : stages) stage.Cut(&map.ranges);
  for (std::vector<StateRange>& ranges : map.ranges) Tidy(&ranges);
  return map;
}

}  // namespace perdure
