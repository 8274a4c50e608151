#include "parallel/engine/weight_fault.h"

#include <algorithm>
#include <cstring>

#include "glog/logging.h"

namespace perdure {
namespace {

// No embedding: its first row may be of a token that no batch has. No adapter:
// half of them start as zeros.
const ParamSlot& SlotToSpoil(const ParamLayout& layout) {
  const auto found = std::find_if(
      layout.slots().begin(), layout.slots().end(), [](const ParamSlot& slot) {
        return slot.spec.block >= 1 && slot.spec.is_matrix() && slot.size > 0 &&
               !IsAdapter(slot.spec.role);
      });
  CHECK(found != layout.slots().end()) << "every stage has a block";
  return *found;
}

size_t BytesOfElement(ModelRuntime* runtime) {
  return static_cast<size_t>(
      SizeOf(runtime->params().SlotDType(SlotToSpoil(runtime->layout()))));
}

template <typename Bits>
void Spoil(void* element, WeightSpoil how, int mantissa_bits, Bits exponent) {
  Bits bits;
  std::memcpy(&bits, element, sizeof(bits));
  const Bits top = static_cast<Bits>(Bits{1} << (mantissa_bits - 1));
  bits = how == WeightSpoil::kFlip ? static_cast<Bits>(bits ^ top)
                                   : static_cast<Bits>(exponent | top);
  std::memcpy(element, &bits, sizeof(bits));
}

}  // namespace

void SpoilWeight(ModelRuntime* runtime, WeightSpoil how) {
  const ParamSlot& slot = SlotToSpoil(runtime->layout());
  void* element = runtime->params().SlotData(slot);
  if (runtime->params().SlotDType(slot) == DType::kBF16) {
    Spoil<uint16_t>(element, how, 7, 0x7f80);
  } else {
    Spoil<uint32_t>(element, how, 23, 0x7f800000);
  }
}

PassingWeightFault::PassingWeightFault(ModelRuntime* runtime, WeightSpoil how)
    : element_(runtime->params().SlotData(SlotToSpoil(runtime->layout()))),
      bytes_(BytesOfElement(runtime)) {
  std::memcpy(before_.data(), element_, bytes_);
  SpoilWeight(runtime, how);
}

PassingWeightFault::~PassingWeightFault() {
  std::memcpy(element_, before_.data(), bytes_);
}

}  // namespace perdure
