#ifndef PERDURE_PARALLEL_MODEL_CONTEXT_H_
#define PERDURE_PARALLEL_MODEL_CONTEXT_H_

// What every block of a model works with. Nothing in it is owned.
//
// Legend: B sequences, T tokens each, N = B T rows; D hidden width, H query
// heads and G key-value heads of this rank, dh head width, F feed-forward width
// and V vocabulary rows of this rank.

#include <cstdint>
#include <functional>
#include <vector>

#include "parallel/model/param_store.h"
#include "runtime/comm/communicator.h"
#include "runtime/config/model.pb.h"
#include "runtime/data/dataset.h"
#include "runtime/device/device.h"
#include "runtime/kernels/matmul.h"
#include "runtime/metrics/trace.h"

namespace perdure {

// Rows of an embedding table that are made when they are needed.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // y [n, D] fp32: y[i] += the table's row number rows[i], where it is one of
  // this rank's, which start at `first`.
  virtual void AddRows(ParamRole table, const std::vector<int32_t>& rows,
                       int64_t first, MatrixView y) const = 0;
};

struct ModelContext {
  Device* device = nullptr;
  StreamView stream;
  Matmul* matmul = nullptr;
  const ModelConfig* model = nullptr;  // resolved
  // Whose weights are used; may change between two passes.
  const ParamStore* params = nullptr;
  // Where rows of embeddings come from instead of params; usually nullptr.
  const RowSource* rows = nullptr;
  Communicator* tp = nullptr;
  Trace* trace = nullptr;  // may be nullptr
  uint64_t seed = 0;       // of dropout
  int64_t max_rows = 0;    // largest N
  bool recompute = false;
  // Called by passes after each block of a micro-batch; an error ends the pass.
  // May be empty.
  std::function<absl::Status()> after_block;

  DType dtype() const { return params->dtype(); }
};

// One micro-batch on its way through the stages.
struct MicroBatch {
  const Batch* batch = nullptr;
  std::vector<int64_t>
      row_ids;  // [N] sequence * T + t: names a row for dropout
  int64_t step = 0;
  bool training = false;        // dropout on, activations and gradients wanted
  bool accumulate = false;      // add to the gradients; else overwrite them
  bool without_prefix = false;  // attention does not see model.prefix
  int index = 0;                // within the global batch, for the trace

  int64_t rows() const { return batch->batch * batch->tokens; }
};

MicroBatch MakeMicroBatch(const Batch& batch);

// A pass has a block behind it.
absl::Status AfterBlock(const ModelContext& context);

// x, contiguous: its sum over the tensor-parallel ranks, on all of them.
absl::Status SumOverTensorRanks(const ModelContext& context, MatrixView x);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_CONTEXT_H_
