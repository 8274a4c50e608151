#include "launcher/train/skips.h"

namespace perdure {

Skips::Skips(const ResilienceConfig& config) {
  for (const SampleRange& range : config.skip()) {
    ranges_.push_back({range.first(), range.last() + 1});
  }
}

void Skips::Add(const JournalRollback& rollback) {
  rollbacks_.push_back(rollback);
  ranges_.push_back({rollback.begin(), rollback.end()});
}

int64_t Skips::NextBatch(int64_t samples, int64_t batch) const {
  bool moved = true;
  while (moved) {
    moved = false;
    for (const Range& range : ranges_) {
      if (Intersect({samples, samples + batch}, range).size() <= 0) continue;
      samples = range.end;
      moved = true;
    }
  }
  return samples;
}

}  // namespace perdure
