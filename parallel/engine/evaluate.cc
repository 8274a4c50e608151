#include "parallel/engine/evaluate.h"

#include <algorithm>
#include <utility>

namespace perdure {
namespace {

// Takes the losses of classifications' candidates for what they say of their
// examples: how many are right, and the loss of the right answer.
void ScoreExamples(const MicroBatch& micro, SequenceLosses* losses,
                   Accuracy* accuracy) {
  const Batch& batch = *micro.batch;
  if (batch.gold.empty() || losses->loss.empty()) return;
  const Accuracy some = CountRight(batch, *losses);
  accuracy->right += some.right;
  accuracy->total += some.total;
  *losses = GoldLosses(batch, *losses);
}

}  // namespace

absl::StatusOr<Evaluation> Evaluate(PipelineExecutor* executor,
                                    MicroBatchReader* reader,
                                    const ProcessGroups& groups,
                                    const Dataset& data, int64_t sequences,
                                    int signal) {
  if (sequences <= 0) sequences = data.windows();
  const int64_t total = reader->Count(sequences);
  const int pp = groups.topology.pp();
  const Range share = EvenPart(total, groups.replica_count(), groups.replica());
  std::vector<SequenceLosses> losses;
  Evaluation result;
  // A few micro-batches at a time: enough to fill the pipeline, without the
  // whole split in memory.
  const int64_t at_once = std::max(8, 4 * pp);
  for (int64_t begin = share.begin; begin < share.end; begin += at_once) {
    const Range part = {begin, std::min(share.end, begin + at_once)};
    ASSIGN_OR_RETURN(const std::vector<MicroBatch> micro_batches,
                     reader->Read(data, 0, sequences, part));
    std::vector<SequenceLosses> some;
    RETURN_IF_ERROR(executor->Run(
        ForwardOnlySchedule(pp, groups.me.pp, static_cast<int>(part.size())),
        micro_batches, &some));
    for (size_t m = 0; m < some.size(); ++m) {
      ScoreExamples(micro_batches[m], &some[m], &result.accuracy);
      losses.push_back(std::move(some[m]));
    }
  }
  ASSIGN_OR_RETURN(result.loss,
                   ReduceLosses(groups, losses, share, total, signal));
  const bool counts = groups.last_stage() && groups.me.tp == 0;
  int64_t numbers[2] = {counts ? result.accuracy.right : 0,
                        counts ? result.accuracy.total : 0};
  RETURN_IF_ERROR(
      groups.world->AllReduce(numbers, 2, DType::kI64, ReduceOp::kSum));
  result.accuracy.right = numbers[0];
  result.accuracy.total = numbers[1];
  return result;
}

}  // namespace perdure
