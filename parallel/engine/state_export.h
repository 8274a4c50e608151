#ifndef PERDURE_PARALLEL_ENGINE_STATE_EXPORT_H_
#define PERDURE_PARALLEL_ENGINE_STATE_EXPORT_H_

// The state of a run as topology-free pieces, for a snapshot; and what of a
// snapshot this rank needs.

#include <map>
#include <optional>
#include <vector>

#include "parallel/engine/model_runtime.h"
#include "parallel/engine/optimizer_state.h"
#include "runtime/state/state_map.h"
#include "runtime/state/train_state.h"

namespace perdure {

class StateExport {
 public:
  // `optimizer` nullptr: weights only. Both outlive the object.
  StateExport(ModelRuntime* runtime, OptimizerState* optimizer)
      : runtime_(runtime), optimizer_(optimizer) {}

  // Who saves what; made at the first call.
  const StateMap& map();

  // Collective over tp: hands this rank's ranges to `sink`, in order. Rows of
  // tensors that are split along their columns are made whole on the way.
  absl::Status Give(StateSink* sink);

 private:
  // What this rank holds of a tensor: elements [begin, end) of its local shard.
  struct Local {
    const ParamSlot* slot = nullptr;
    int64_t begin = 0;
    int64_t end = 0;
    const char* data = nullptr;  // of element begin
  };
  // Tensors of this stage that are handed over one after the other.
  Local Find(const StateTensor& tensor);
  absl::Status GiveRun(uint32_t tensor, size_t* next, StateSink* sink);
  absl::Status GiveRows(uint32_t tensor, size_t* next, StateSink* sink);
  const std::vector<StateRange>& RangesOf(int tp) const;

  ModelRuntime* runtime_;
  OptimizerState* optimizer_;
  std::optional<StateMap> map_;
  std::map<std::string, const ParamSlot*> slots_;  // of this stage, by tensor
};

// Everything this rank's optimizer holds (moments, masters).
std::vector<StateRequest> OptimizerRequests(ModelRuntime* runtime,
                                            OptimizerState* optimizer);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_STATE_EXPORT_H_
