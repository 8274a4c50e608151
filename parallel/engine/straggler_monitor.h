#ifndef PERDURE_PARALLEL_ENGINE_STRAGGLER_MONITOR_H_
#define PERDURE_PARALLEL_ENGINE_STRAGGLER_MONITOR_H_

// Tells from what ranks have computed in how much time which of them are slow,
// and how the micro-batches of a step are to be shared. Pure: all ranks feed it
// with the same numbers and come to the same conclusions. It starts anew with
// each generation.

#include <deque>
#include <optional>
#include <vector>

#include "parallel/engine/work_meter.h"
#include "runtime/config/resilience.pb.h"
#include "runtime/topology/topology.h"

namespace perdure {

class StragglerMonitor {
 public:
  StragglerMonitor(const ResilienceConfig& config, const Topology& topology);

  // What the ranks did in one window, by rank.
  void AddWindow(const std::vector<PassWork>& work);

  // Parts of the median speed of the ranks of the same stage (other stages have
  // other blocks), in the last window in which the rank computed; 0: unknown.
  const std::vector<double>& speeds() const { return speeds_; }
  // Below straggler_ratio in each of the last straggler_windows windows, and
  // not above it since.
  bool straggles(int rank) const {
    return straggles_[static_cast<size_t>(rank)];
  }
  // Windows in a row, up to the last one, in which the rank was below it.
  int slow_windows(int rank) const {
    return slow_windows_[static_cast<size_t>(rank)];
  }
  // Ranks for which that changed in the last window.
  const std::vector<int>& changed() const { return changed_; }

  // Shares by the speeds of the last straggler_windows windows, if they would
  // make a step shorter than `current` do by rebalance_gain. After a change so
  // many new windows are awaited.
  std::optional<std::vector<int64_t>> Rebalance(
      const std::vector<int64_t>& current);

  // How long the passes of a step take at the speeds of the last window, in
  // units of a micro-batch at the median's. `shares`: by dp replica, or by
  // group of gradient coding, of which the first one done counts. Backup probes
  // wait for nobody.
  double StepTime(const std::vector<int64_t>& shares) const;
  // The same with even shares, were `straggler` and the stragglers that are
  // slower still as fast as the median.
  double StepTimeWithout(int straggler,
                         const std::vector<int64_t>& shares) const;

  // By replica (of dp and pertp), in the last window; 1: unknown.
  std::vector<double> ReplicaSpeeds() const;
  // A replica that is not slow: `current`, or else the fastest.
  int Coordinator(int current) const;

 private:
  std::vector<double> SpeedsOf(const std::vector<PassWork>& work) const;
  // The slowest rank of a replica counts: the others wait for it.
  double ReplicaSpeed(int replica, const std::vector<double>& speeds) const;
  std::vector<double> SpeedsOfReplicas(const std::vector<double>& speeds) const;
  std::vector<double> DpSpeeds() const;
  double StepTime(const std::vector<int64_t>& shares,
                  const std::vector<double>& replica_speeds) const;

  ResilienceConfig config_;
  Topology topology_;
  std::vector<double> speeds_;     // by rank
  std::vector<int> slow_windows_;  // in a row, by rank
  std::vector<bool> straggles_;    // by rank
  std::vector<int> changed_;
  std::deque<std::vector<double>> last_;  // speeds of the last windows
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_STRAGGLER_MONITOR_H_
