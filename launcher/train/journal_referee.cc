#include "launcher/train/journal_referee.h"

#include "checkpoint/replay/replay.h"
#include "glog/logging.h"

namespace perdure {

Opinion AskJournal(const std::string& run_dir, int64_t step, int threads,
                   const ModelRuntime& runtime,
                   const std::vector<TensorDigest>& mine) {
  const ParamLayout& layout = runtime.layout();
  std::vector<DigestedPart> parts;
  std::vector<uint64_t> digests;
  for (size_t i = 0; i < layout.slots().size(); ++i) {
    const ParamSpec& spec = layout.slots()[i].spec;
    // Files have one copy of what is shared.
    if (!spec.alias_of.empty()) continue;
    parts.push_back(
        {spec.name, ShardRuns(spec, layout.tp(), layout.tp_rank())});
    digests.push_back(mine[i].digest);
  }
  const absl::Status replayed = ReplayDigests(run_dir, step, threads, &parts);
  if (!replayed.ok()) {
    LOG(WARNING) << "the journal does not say whose weights are right: "
                 << replayed.message();
    return Opinion::kNone;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].digest != digests[i]) return Opinion::kWrong;
  }
  return Opinion::kRight;
}

}  // namespace perdure
