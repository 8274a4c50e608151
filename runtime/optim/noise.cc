#include "runtime/optim/noise.h"

#include <bit>
#include <cmath>

#include "glog/logging.h"
#include "runtime/optim/box_muller.h"
#include "runtime/optim/noise_formula.h"

namespace perdure {

namespace nf = noise_formula;

namespace {

PhiloxCounter Counter(uint64_t number, uint32_t step, uint32_t direction) {
  return {static_cast<uint32_t>(number), static_cast<uint32_t>(number >> 32),
          step, direction};
}

// Of the 16 counters of a group of elements, that of the element's lane.
uint64_t LaneCounter(uint64_t element, int64_t group) {
  return element / group * nf::kCounterLanes + element % nf::kCounterLanes;
}

float GaussianAt(const Direction& direction, uint64_t element) {
  const uint64_t number = LaneCounter(element, nf::kGaussianGroup);
  const PhiloxCounter words = Philox4x32(
      Counter(number, direction.step, direction.index), direction.key);
  const uint64_t word = element % nf::kGaussianGroup / nf::kCounterLanes;
  const NormalPair pair =
      word < 2 ? BoxMuller(words[0], words[1]) : BoxMuller(words[2], words[3]);
  return word % 2 == 0 ? pair.cosine : pair.sine;
}

float RademacherAt(const Direction& direction, uint64_t element) {
  const PhiloxCounter words = Philox4x32(
      Counter(element / nf::kRademacherBlock, direction.step, direction.index),
      direction.key);
  const uint64_t bit = element % nf::kRademacherBlock;
  return (words[bit / 32] >> (bit % 32) & 1) != 0 ? 1.0f : -1.0f;
}

}  // namespace

PhiloxKey DirectionKey(uint64_t seed, absl::string_view name) {
  return MakeKey(seed, NoiseStream::kDirection,
                 NameHash(name.data(), name.size()));
}

PhiloxKey RoundingKey(uint64_t seed, absl::string_view name) {
  return MakeKey(seed, NoiseStream::kRounding,
                 NameHash(name.data(), name.size()));
}

float NoiseAt(const Direction& direction, int64_t element) {
  CHECK_GE(element, 0);
  const uint64_t index = static_cast<uint64_t>(element);
  return direction.kind == NoiseKind::kGaussian
             ? GaussianAt(direction, index)
             : RademacherAt(direction, index);
}

uint32_t RoundingBitsAt(PhiloxKey key, uint32_t step, int64_t element) {
  CHECK_GE(element, 0);
  const uint64_t index = static_cast<uint64_t>(element);
  const uint64_t number = LaneCounter(index, nf::kRoundingGroup);
  const uint64_t half = index % nf::kRoundingGroup / nf::kCounterLanes;
  const uint32_t word = Philox4x32(Counter(number, step, 0), key)[half / 2];
  return half % 2 == 0 ? word & 0xffff : word >> 16;
}

}  // namespace perdure
