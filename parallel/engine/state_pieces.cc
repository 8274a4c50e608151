#include "parallel/engine/state_pieces.h"

#include <algorithm>

#include "parallel/engine/row_exchange.h"

namespace perdure {
namespace {

// One kind of state of one slot: elements [begin, end) of the local shard.
struct LocalState {
  const ParamSlot* slot;
  StateKind kind;
  DType dtype;
  int64_t begin, end;
  const void* data;  // of element begin
};

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

StatePiece MakePiece(const LocalState& local, int64_t begin, int64_t end,
                     const void* data) {
  StatePiece piece;
  piece.tensor = local.slot->spec.name;
  piece.kind = local.kind;
  piece.dtype = local.dtype;
  piece.shape = local.slot->spec.shape;
  piece.begin = begin;
  piece.end = end;
  piece.data = data;
  return piece;
}

// Shards that are long runs of the whole tensor. What all tensor-parallel ranks
// hold alike is cut among them.
void AddRuns(const ModelRuntime& runtime, const LocalState& local,
             SavedPieces* saved) {
  const ParamLayout& layout = runtime.layout();
  int64_t begin = local.begin, end = local.end;
  if (local.slot->spec.split_dim < 0) {
    const Range part = EvenPart(end - begin, layout.tp(), layout.tp_rank());
    end = begin + part.end;
    begin += part.begin;
  }
  const std::vector<ShardRun> runs =
      ShardRuns(local.slot->spec, layout.tp(), layout.tp_rank());
  const char* data = static_cast<const char*>(local.data) +
                     (begin - local.begin) * SizeOf(local.dtype);
  for (const ShardRun& run : ClipRuns(runs, begin, end)) {
    saved->pieces.push_back(
        MakePiece(local, run.global_offset, run.global_offset + run.length,
                  data + run.local_offset * SizeOf(local.dtype)));
  }
}

absl::Status AddRows(ModelRuntime& runtime, const LocalState& local,
                     SavedPieces* saved) {
  const int64_t width = local.slot->shape[1];
  const Range rows = {local.begin / width, local.end / width};
  ASSIGN_OR_RETURN(WholeRows whole,
                   ExchangeRows(*runtime.groups().tp, *local.slot, rows,
                                local.dtype, local.data));
  if (whole.rows.size() == 0) return absl::OkStatus();
  const int64_t whole_width = local.slot->spec.shape[1];
  saved->buffers.push_back(std::move(whole.data));
  saved->pieces.push_back(MakePiece(local, whole.rows.begin * whole_width,
                                    whole.rows.end * whole_width,
                                    saved->buffers.back().data()));
  return absl::OkStatus();
}

absl::Status Add(ModelRuntime& runtime, const LocalState& local,
                 SavedPieces* saved) {
  if (local.slot->spec.split_dim == 1 && runtime.layout().tp() > 1) {
    return AddRows(runtime, local, saved);
  }
  AddRuns(runtime, local, saved);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SavedPieces> CollectPieces(ModelRuntime* runtime,
                                          OptimizerState* optimizer) {
  SavedPieces saved;
  const ProcessGroups& groups = runtime->groups();
  const ParamLayout& layout = runtime->layout();
  // Replicas hold the same weights: each saves the part it owns. Without ZeRO
  // the same cut serves for the optimizer state that all hold.
  const Ownership owned =
      OwnedBy(layout, groups.replica_count(), groups.replica());
  for (const OwnedRange& range : owned.ranges) {
    const ParamSlot& slot = layout.slots()[static_cast<size_t>(range.slot)];
    if (slot.is_copy) continue;
    RETURN_IF_ERROR(Add(
        *runtime,
        {&slot, StateKind::kWeight, runtime->params().SlotDType(slot),
         range.begin, range.end, runtime->params().SlotData(slot, range.begin)},
        &saved));
    if (optimizer == nullptr) continue;
    const std::vector<OwnedRange>& updates = optimizer->held().ranges;
    const auto held =
        std::find_if(updates.begin(), updates.end(),
                     [&](const OwnedRange& u) { return u.slot == range.slot; });
    if (held == updates.end()) continue;  // not trained
    for (StateKind kind : optimizer->Kinds(slot)) {
      const float* data =
          optimizer->Data(kind, *held) + (range.begin - held->begin);
      RETURN_IF_ERROR(Add(
          *runtime, {&slot, kind, DType::kF32, range.begin, range.end, data},
          &saved));
    }
  }
  return saved;
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
