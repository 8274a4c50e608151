#include "parallel/model/initialize.h"

#include <cmath>
#include <numbers>

namespace perdure {
namespace {

// In double, so that one libm's rounding hardly ever shows in the float.
float BoxMuller(uint32_t a, uint32_t b, bool second) {
  const double u = (static_cast<double>(a) + 1.0) * 0x1p-32;  // (0, 1]
  const double v = static_cast<double>(b) * 0x1p-32;
  const double radius = std::sqrt(-2.0 * std::log(u));
  const double angle = 2.0 * std::numbers::pi * v;
  return static_cast<float>(radius *
                            (second ? std::sin(angle) : std::cos(angle)));
}

void InitializeSlot(StreamView stream, uint64_t seed, const ParamSlot& slot,
                    int tp, int tp_rank, ParamStore* params) {
  const ParamSpec& spec = slot.spec;
  const std::string& name = spec.alias_of.empty() ? spec.name : spec.alias_of;
  const PhiloxKey key =
      MakeKey(seed, NoiseStream::kInit, NameHash(name.data(), name.size()));
  const DType dtype = params->SlotDType(slot);
  const std::vector<ShardRun> runs = ShardRuns(spec, tp, tp_rank);
  for (const ShardRun& run : runs) {
    ParallelFor(stream, run.length, 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float value = spec.init == Init::kOnes ? 1.0f : 0.0f;
        if (spec.init == Init::kNormal) {
          value = static_cast<float>(spec.init_std) *
                  InitialNoise(key, run.global_offset + i);
        }
        ConvertElements(DType::kF32, &value, dtype,
                        params->SlotData(slot, run.local_offset + i), 1);
      }
    });
  }
}

}  // namespace

float InitialNoise(PhiloxKey key, int64_t index) {
  const uint64_t block = static_cast<uint64_t>(index) / 4;
  const PhiloxCounter bits = Philox4x32(
      {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0, 0},
      key);
  const size_t lane = static_cast<size_t>(index % 4);
  return BoxMuller(bits[lane / 2 * 2], bits[lane / 2 * 2 + 1], lane % 2 == 1);
}

void InitializeParams(StreamView stream, uint64_t seed, ParamStore* params) {
  const ParamLayout& layout = params->layout();
  for (const ParamSlot& slot : layout.slots()) {
    InitializeSlot(stream, seed, slot, layout.tp(), layout.tp_rank(), params);
  }
}

}  // namespace perdure
