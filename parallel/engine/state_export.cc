#include "parallel/engine/state_export.h"

#include <algorithm>
#include <utility>

#include "glog/logging.h"
#include "parallel/engine/row_exchange.h"
#include "parallel/engine/save_map.h"

namespace perdure {
namespace {

// The local offset of element `global` of the whole tensor.
int64_t LocalOffset(const std::vector<ShardRun>& runs, int64_t global) {
  for (const ShardRun& run : runs) {
    if (global >= run.global_offset &&
        global < run.global_offset + run.length) {
      return run.local_offset + global - run.global_offset;
    }
  }
  LOG(FATAL) << "element " << global << " is not in this shard";
}

// The parts of runs that lie in local elements [begin, end), local offsets
// counted from begin.
std::vector<ShardRun> ClipRuns(const std::vector<ShardRun>& runs, int64_t begin,
                               int64_t end) {
  std::vector<ShardRun> clipped;
  for (const ShardRun& run : runs) {
    const Range part = Intersect(
        {run.local_offset, run.local_offset + run.length}, {begin, end});
    if (part.size() <= 0) continue;
    clipped.push_back({run.global_offset + part.begin - run.local_offset,
                       part.begin - begin, part.size()});
  }
  return clipped;
}

// The range of a tensor in a rank's ascending list; empty if it has none. A
// line is cut once for each holder, so there is one at most where rows are
// swapped.
StateRange RangeOfTensor(const std::vector<StateRange>& ranges,
                         uint32_t tensor) {
  const auto found = std::lower_bound(
      ranges.begin(), ranges.end(), tensor,
      [](const StateRange& range, uint32_t t) { return range.tensor < t; });
  return found != ranges.end() && found->tensor == tensor
             ? *found
             : StateRange{tensor, 0, 0};
}

}  // namespace

const StateMap& StateExport::map() {
  if (map_.has_value()) return *map_;
  StateOutline outline;
  outline.matrix_dtype = runtime_->params().dtype();
  if (optimizer_ != nullptr) {
    outline.optimizer_kinds = [this](const ParamSlot& slot) {
      return slot.spec.trainable ? optimizer_->Kinds(slot)
                                 : std::vector<StateKind>();
    };
    outline.optimizer_parts = optimizer_->parts();
  }
  map_ = MakeSaveMap(runtime_->model(), runtime_->groups().topology, outline);
  for (const ParamSlot& slot : runtime_->layout().slots()) {
    if (!slot.is_copy) slots_.emplace(slot.spec.name, &slot);
  }
  return *map_;
}

StateExport::Local StateExport::Find(const StateTensor& tensor) {
  const auto found = slots_.find(tensor.name);
  if (found == slots_.end()) return {};  // another stage's
  const ParamSlot& slot = *found->second;
  if (tensor.kind == StateKind::kWeight) {
    return {&slot, 0, slot.size,
            static_cast<const char*>(runtime_->params().SlotData(slot))};
  }
  const int number =
      static_cast<int>(&slot - runtime_->layout().slots().data());
  const std::vector<OwnedRange>& ranges = optimizer_->held().ranges;
  const auto held = std::lower_bound(
      ranges.begin(), ranges.end(), number,
      [](const OwnedRange& range, int wanted) { return range.slot < wanted; });
  if (held != ranges.end() && held->slot == number) {
    return {
        &slot, held->begin, held->end,
        reinterpret_cast<const char*>(optimizer_->Data(tensor.kind, *held))};
  }
  return {&slot, 0, 0, nullptr};  // there are fewer rows than replicas
}

const std::vector<StateRange>& StateExport::RangesOf(int tp) const {
  const ProcessGroups& groups = runtime_->groups();
  RankCoordinates at = groups.me;
  at.tp = tp;
  return map_->ranges[static_cast<size_t>(groups.topology.RankOf(at))];
}

absl::Status StateExport::GiveRun(uint32_t tensor, size_t* next,
                                  StateSink* sink) {
  const std::vector<StateRange>& mine = RangesOf(runtime_->layout().tp_rank());
  if (*next == mine.size() || mine[*next].tensor != tensor) {
    return absl::OkStatus();
  }
  const StateTensor& described = map_->tensors[tensor];
  const Local local = Find(described);
  const std::vector<ShardRun> runs = ShardRuns(
      local.slot->spec, runtime_->layout().tp(), runtime_->layout().tp_rank());
  const int64_t size = SizeOf(described.dtype);
  for (; *next < mine.size() && mine[*next].tensor == tensor; ++*next) {
    const StateRange& range = mine[*next];
    const int64_t from = LocalOffset(runs, range.begin) - local.begin;
    RETURN_IF_ERROR(
        sink->Take(*next, 0, local.data + from * size,
                   static_cast<uint64_t>((range.end - range.begin) * size)));
  }
  return absl::OkStatus();
}

absl::Status StateExport::GiveRows(uint32_t tensor, size_t* next,
                                   StateSink* sink) {
  const StateTensor& described = map_->tensors[tensor];
  const Local local = Find(described);
  const int64_t whole_width = described.shape[1];
  const int64_t width = local.slot->shape[1];
  const int64_t first = local.begin / width;  // row that local.data is of
  std::vector<Range> rows;
  for (int tp = 0; tp < runtime_->layout().tp(); ++tp) {
    const StateRange range = RangeOfTensor(RangesOf(tp), tensor);
    rows.push_back(
        {range.begin / whole_width - first, range.end / whole_width - first});
    if (range.begin == range.end) rows.back() = {0, 0};
  }
  ASSIGN_OR_RETURN(const std::vector<char> whole,
                   ExchangeRows(*runtime_->groups().tp, *local.slot, rows,
                                described.dtype, local.data));
  if (whole.empty()) return absl::OkStatus();
  return sink->Take((*next)++, 0, whole.data(), whole.size());
}

absl::Status StateExport::Give(StateSink* sink) {
  const StateMap& map = this->map();
  size_t next = 0;  // of this rank's ranges
  for (uint32_t i = 0; i < map.tensors.size(); ++i) {
    const auto slot = slots_.find(map.tensors[i].name);
    if (slot == slots_.end()) continue;
    const bool columns =
        slot->second->spec.split_dim == 1 && runtime_->layout().tp() > 1;
    RETURN_IF_ERROR(columns ? GiveRows(i, &next, sink)
                            : GiveRun(i, &next, sink));
  }
  return absl::OkStatus();
}

std::vector<StateRequest> OptimizerRequests(ModelRuntime* runtime,
                                            OptimizerState* optimizer) {
  std::vector<StateRequest> requests;
  const ParamLayout& layout = runtime->layout();
  for (const OwnedRange& range : optimizer->held().ranges) {
    const ParamSlot& slot = layout.slots()[static_cast<size_t>(range.slot)];
    const std::vector<ShardRun> runs =
        ClipRuns(ShardRuns(slot.spec, layout.tp(), layout.tp_rank()),
                 range.begin, range.end);
    for (StateKind kind : optimizer->Kinds(slot)) {
      StateRequest request;
      request.tensor =
          slot.spec.alias_of.empty() ? slot.spec.name : slot.spec.alias_of;
      request.kind = kind;
      request.dtype = DType::kF32;
      request.shape = slot.spec.shape;
      request.runs = runs;
      request.base = optimizer->Data(kind, range);
      requests.push_back(std::move(request));
    }
  }
  return requests;
}

}  // namespace perdure
