#include "parallel/model/context.h"

namespace perdure {

MicroBatch MakeMicroBatch(const Batch& batch) {
  MicroBatch micro;
  micro.batch = &batch;
  micro.row_ids.reserve(static_cast<size_t>(micro.rows()));
  for (int64_t b = 0; b < batch.batch; ++b) {
    for (int64_t t = 0; t < batch.tokens; ++t) {
      micro.row_ids.push_back(
          batch.sequence[static_cast<size_t>(b)] * batch.tokens + t);
    }
  }
  return micro;
}

absl::Status AfterBlock(const ModelContext& context) {
  return context.after_block ? context.after_block() : absl::OkStatus();
}

absl::Status SumOverTensorRanks(const ModelContext& context, MatrixView x) {
  if (context.tp->size() == 1) return absl::OkStatus();
  TraceScope trace(context.trace, Trace::Lane::kCommunication, "tp sum");
  DCHECK(x.contiguous());
  return context.tp->AllReduce(x.data, x.size(), x.dtype, ReduceOp::kSum);
}

}  // namespace perdure
