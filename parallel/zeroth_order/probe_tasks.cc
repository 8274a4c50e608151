#include "parallel/zeroth_order/probe_tasks.h"

#include <algorithm>

namespace perdure {

std::vector<ProbePart> CutPart(const std::vector<Probe>& probes,
                               const ProbePart& part, int pieces) {
  std::vector<ProbePart> tasks;
  const int64_t micro_batches = part.micro_batches.size();
  const int cuts = static_cast<int>(std::min<int64_t>(pieces, micro_batches));
  int64_t begin = part.probes.begin;
  for (const ProbeGroup& group : GroupProbes(probes, part.probes)) {
    const int64_t end = begin + static_cast<int64_t>(group.signs.size());
    for (int i = 0; i < cuts; ++i) {
      const Range piece = EvenPart(micro_batches, cuts, i);
      tasks.push_back({{begin, end},
                       {part.micro_batches.begin + piece.begin,
                        part.micro_batches.begin + piece.end}});
    }
    begin = end;
  }
  return tasks;
}

}  // namespace perdure
