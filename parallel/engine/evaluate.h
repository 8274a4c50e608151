#ifndef PERDURE_PARALLEL_ENGINE_EVALUATE_H_
#define PERDURE_PARALLEL_ENGINE_EVALUATE_H_

#include "parallel/engine/accuracy.h"
#include "parallel/engine/loss_reducer.h"
#include "parallel/engine/micro_batch_reader.h"
#include "parallel/pipeline/executor.h"
#include "runtime/data/dataset.h"

namespace perdure {

struct Evaluation {
  BatchLoss loss;     // of classifications: of the right candidates
  Accuracy accuracy;  // of classifications; total 0: there is none
};

// Collective. The loss over the first `sequences` samples of `data` (0: all
// windows), each token counted alike; the same bits for every dp, pertp and pp.
// `signal` is combined over ranks (the largest) into loss.signal.
absl::StatusOr<Evaluation> Evaluate(PipelineExecutor* executor,
                                    MicroBatchReader* reader,
                                    const ProcessGroups& groups,
                                    const Dataset& data, int64_t sequences,
                                    int signal);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_EVALUATE_H_
