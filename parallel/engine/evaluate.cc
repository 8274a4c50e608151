#include "parallel/engine/evaluate.h"

#include <algorithm>

namespace perdure {

absl::StatusOr<BatchLoss> EvaluateLoss(PipelineExecutor* executor,
                                       MicroBatchReader* reader,
                                       const ProcessGroups& groups,
                                       const Dataset& data, int64_t sequences,
                                       int signal) {
  if (sequences <= 0) sequences = data.windows();
  const int64_t total = reader->Count(sequences);
  const Topology& topology = groups.topology;
  const Range share = EvenPart(total, topology.dp(), groups.me.dp);
  std::vector<SequenceLosses> losses;
  // A few micro-batches at a time: enough to fill the pipeline, without the
  // whole split in memory.
  const int64_t at_once = std::max(8, 4 * topology.pp());
  for (int64_t begin = share.begin; begin < share.end; begin += at_once) {
    const Range part = {begin, std::min(share.end, begin + at_once)};
    ASSIGN_OR_RETURN(const std::vector<MicroBatch> micro_batches,
                     reader->Read(data, 0, sequences, part));
    std::vector<SequenceLosses> some;
    RETURN_IF_ERROR(
        executor->Run(ForwardOnlySchedule(topology.pp(), groups.me.pp,
                                          static_cast<int>(part.size())),
                      micro_batches, &some));
    losses.insert(losses.end(), some.begin(), some.end());
  }
  return ReduceLosses(groups, losses, share, total, signal);
}

}  // namespace perdure
