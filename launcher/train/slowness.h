#ifndef PERDURE_LAUNCHER_TRAIN_SLOWNESS_H_
#define PERDURE_LAUNCHER_TRAIN_SLOWNESS_H_

// Makes a thread slow on purpose, as if its core were: for each second that it
// has computed it sleeps some more. The core is free meanwhile, so that other
// ranks of this machine are not slowed with it.

namespace perdure {

class Slowness {
 public:
  // From now on the calling thread is to be `factor` (>= 1) times as slow.
  explicit Slowness(double factor);
  double factor() const { return factor_; }
  // To be called often by that thread: sleeps what is due.
  void Pay();

 private:
  double factor_;
  double computed_;  // the thread's CPU seconds, as far as they are paid for
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_SLOWNESS_H_
