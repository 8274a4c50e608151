#ifndef PERDURE_RUNTIME_STATE_SPIKE_DETECTOR_H_
#define PERDURE_RUNTIME_STATE_SPIKE_DETECTOR_H_

// Sees losses that leave their course: those above a multiple of the median of
// the losses before them. A pure function of the losses, so all ranks, and a
// run that was resumed, see the same.

#include <deque>

namespace perdure {

class SpikeDetector {
 public:
  SpikeDetector() = default;  // sees none
  // `factor` 0: sees none. Nothing is a spike before `window` losses are known.
  SpikeDetector(double factor, int window) : factor_(factor), window_(window) {}

  // Whether `loss`, the next one, is a spike; one that is not finite is.
  bool IsSpike(double loss) const;
  void Add(double loss);
  // Spikes since the last loss that was none.
  int in_a_row() const { return in_a_row_; }
  // Of the last `window` losses; 0 before there are so many.
  double median() const;

 private:
  double factor_ = 0;
  int window_ = 0;
  std::deque<double> losses_;  // the last ones
  int in_a_row_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_STATE_SPIKE_DETECTOR_H_
