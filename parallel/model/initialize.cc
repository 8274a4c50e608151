#include "parallel/model/initialize.h"

#include <algorithm>

#include "runtime/nn/initial_values.h"

namespace perdure {
namespace {

constexpr int64_t kChunk = 4096;

void InitializeSlot(StreamView stream, uint64_t seed, const ParamSlot& slot,
                    ParamStore* params) {
  const ParamSpec& spec = slot.spec;
  const DType dtype = params->SlotDType(slot);
  const ParamLayout& layout = params->layout();
  const std::vector<ShardRun> runs =
      ShardRuns(spec, layout.tp(), layout.tp_rank());
  // Over runs and, within a long one, over its chunks.
  ParallelFor(
      stream, static_cast<int64_t>(runs.size()), 64,
      [&](int64_t first_run, int64_t last_run) {
        for (int64_t r = first_run; r < last_run; ++r) {
          const ShardRun& run = runs[static_cast<size_t>(r)];
          const int64_t chunks = (run.length + kChunk - 1) / kChunk;
          ParallelFor(stream, chunks, 8, [&](int64_t c, int64_t end) {
            float values[kChunk];
            for (; c < end; ++c) {
              const int64_t at = c * kChunk;
              const int64_t n = std::min(kChunk, run.length - at);
              InitialValues(spec, seed, run.global_offset + at, n, values);
              ConvertElements(DType::kF32, values, dtype,
                              params->SlotData(slot, run.local_offset + at), n);
            }
          });
        }
      });
}

}  // namespace

void InitializeParams(StreamView stream, uint64_t seed, ParamStore* params) {
  for (const ParamSlot& slot : params->layout().slots()) {
    InitializeSlot(stream, seed, slot, params);
  }
}

}  // namespace perdure
