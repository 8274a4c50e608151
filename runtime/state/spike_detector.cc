#include "runtime/state/spike_detector.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace perdure {

double SpikeDetector::median() const {
  if (factor_ == 0 || losses_.size() < static_cast<size_t>(window_)) return 0;
  std::vector<double> sorted(losses_.begin(), losses_.end());
  const auto middle = sorted.begin() + static_cast<int64_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

bool SpikeDetector::IsSpike(double loss) const {
  const double usual = median();
  return usual > 0 && !(loss <= factor_ * usual);
}

void SpikeDetector::Add(double loss) {
  if (factor_ == 0) return;
  in_a_row_ = IsSpike(loss) ? in_a_row_ + 1 : 0;
  // NaN has no place in an order.
  losses_.push_back(std::isnan(loss) ? std::numeric_limits<double>::infinity()
                                     : loss);
  if (losses_.size() > static_cast<size_t>(window_)) losses_.pop_front();
}

}  // namespace perdure
