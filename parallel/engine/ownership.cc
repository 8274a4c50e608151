#include "parallel/engine/ownership.h"

namespace perdure {
namespace {

Ownership Cut(const ParamLayout& layout, int dp, int dp_rank,
              bool trained_only) {
  Ownership ownership;
  constexpr int64_t kAlign = ParamLayout::kAlignment;
  for (size_t i = 0; i < layout.slots().size(); ++i) {
    const ParamSlot& slot = layout.slots()[i];
    if (trained_only && !slot.spec.trainable) continue;
    const int64_t width = slot.spec.is_matrix() ? slot.shape[1] : 1;
    const Range rows = EvenPart(slot.shape[0], dp, dp_rank);
    if (rows.size() == 0 || width == 0) continue;
    ownership.ranges.push_back({static_cast<int>(i), rows.begin * width,
                                rows.end * width, ownership.state_size});
    ownership.state_size +=
        (rows.size() * width + kAlign - 1) / kAlign * kAlign;
  }
  return ownership;
}

}  // namespace

Ownership OwnedBy(const ParamLayout& layout, int dp, int dp_rank) {
  return Cut(layout, dp, dp_rank, /*trained_only=*/false);
}

Ownership TrainedBy(const ParamLayout& layout, int dp, int dp_rank) {
  return Cut(layout, dp, dp_rank, /*trained_only=*/true);
}

}  // namespace perdure
