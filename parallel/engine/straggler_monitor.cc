#include "parallel/engine/straggler_monitor.h"

#include <algorithm>
#include <numeric>

#include "parallel/engine/shares.h"

namespace perdure {
namespace {

// 0 of nothing.
double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

}  // namespace

StragglerMonitor::StragglerMonitor(const ResilienceConfig& config,
                                   const Topology& topology)
    : config_(config),
      topology_(topology),
      speeds_(static_cast<size_t>(topology.ranks()), 0),
      slow_windows_(speeds_.size(), 0),
      straggles_(speeds_.size(), false) {}

std::vector<double> StragglerMonitor::SpeedsOf(
    const std::vector<PassWork>& work) const {
  std::vector<std::vector<double>> of_stage(
      static_cast<size_t>(topology_.pp()));
  std::vector<double> speeds(work.size(), 0);
  for (size_t r = 0; r < work.size(); ++r) {
    if (work[r].blocks == 0 || work[r].seconds <= 0) continue;
    speeds[r] = static_cast<double>(work[r].blocks) / work[r].seconds;
    const int stage = topology_.CoordinatesOf(static_cast<int>(r)).pp;
    of_stage[static_cast<size_t>(stage)].push_back(speeds[r]);
  }
  for (size_t r = 0; r < speeds.size(); ++r) {
    const int stage = topology_.CoordinatesOf(static_cast<int>(r)).pp;
    const double median = Median(of_stage[static_cast<size_t>(stage)]);
    // Who did nothing is as fast as before, as far as is known.
    speeds[r] = speeds[r] > 0 ? speeds[r] / median : speeds_[r];
  }
  return speeds;
}

void StragglerMonitor::AddWindow(const std::vector<PassWork>& work) {
  speeds_ = SpeedsOf(work);
  changed_.clear();
  for (size_t r = 0; r < speeds_.size(); ++r) {
    const bool slow = speeds_[r] > 0 && speeds_[r] < config_.straggler_ratio();
    slow_windows_[r] = slow ? slow_windows_[r] + 1 : 0;
    const bool straggles =
        slow &&
        (straggles_[r] || slow_windows_[r] >= config_.straggler_windows());
    if (straggles != straggles_[r]) changed_.push_back(static_cast<int>(r));
    straggles_[r] = straggles;
  }
  last_.push_back(speeds_);
  if (last_.size() > static_cast<size_t>(config_.straggler_windows())) {
    last_.pop_front();
  }
}

double StragglerMonitor::ReplicaSpeed(int replica,
                                      const std::vector<double>& speeds) const {
  double slowest = 0;
  for (int r = 0; r < topology_.ranks(); ++r) {
    const RankCoordinates at = topology_.CoordinatesOf(r);
    const double speed = speeds[static_cast<size_t>(r)];
    if (at.dp * topology_.pertp() + at.pertp != replica || speed <= 0) continue;
    slowest = slowest == 0 ? speed : std::min(slowest, speed);
  }
  return slowest == 0 ? 1 : slowest;
}

std::vector<double> StragglerMonitor::DpSpeeds() const {
  std::vector<double> medians;
  for (size_t r = 0; r < speeds_.size(); ++r) {
    std::vector<double> values;
    for (const std::vector<double>& window : last_) values.push_back(window[r]);
    medians.push_back(Median(values));
  }
  std::vector<double> speeds;
  for (int d = 0; d < topology_.dp(); ++d) {
    double slowest = ReplicaSpeed(d * topology_.pertp(), medians);
    for (int p = 1; p < topology_.pertp(); ++p) {
      slowest =
          std::min(slowest, ReplicaSpeed(d * topology_.pertp() + p, medians));
    }
    speeds.push_back(slowest);
  }
  return speeds;
}

std::optional<std::vector<int64_t>> StragglerMonitor::Rebalance(
    const std::vector<int64_t>& current) {
  const auto windows = static_cast<size_t>(config_.straggler_windows());
  if (last_.size() < windows) return std::nullopt;
  const std::vector<double> speeds = DpSpeeds();
  int64_t total = 0;
  for (int64_t count : current) total += count;
  std::vector<int64_t> better = SharesBySpeed(total, speeds);
  if (TimeOf(better, speeds) >
      (1 - config_.rebalance_gain()) * TimeOf(current, speeds)) {
    return std::nullopt;
  }
  last_.clear();
  return better;
}

std::vector<double> StragglerMonitor::SpeedsOfReplicas(
    const std::vector<double>& speeds) const {
  std::vector<double> of_replicas;
  for (int r = 0; r < topology_.dp() * topology_.pertp(); ++r) {
    of_replicas.push_back(ReplicaSpeed(r, speeds));
  }
  return of_replicas;
}

std::vector<double> StragglerMonitor::ReplicaSpeeds() const {
  return SpeedsOfReplicas(speeds_);
}

double StragglerMonitor::StepTime(
    const std::vector<int64_t>& shares,
    const std::vector<double>& replica_speeds) const {
  const int pertp = topology_.pertp();
  if (config_.backup_probes()) {
    return pertp *
           static_cast<double>(
               std::accumulate(shares.begin(), shares.end(), int64_t{0})) /
           std::accumulate(replica_speeds.begin(), replica_speeds.end(), 0.0);
  }
  const int groups = static_cast<int>(shares.size());
  std::vector<double> speeds;
  for (int g = 0; g < groups; ++g) {
    const Range members = EvenPart(topology_.dp(), groups, g);
    double first = 0;
    for (int64_t d = members.begin; d < members.end; ++d) {
      const auto of_dp = replica_speeds.begin() + d * pertp;
      first = std::max(first, *std::min_element(of_dp, of_dp + pertp));
    }
    speeds.push_back(first);
  }
  return TimeOf(shares, speeds);
}

double StragglerMonitor::StepTime(const std::vector<int64_t>& shares) const {
  return StepTime(shares, ReplicaSpeeds());
}

double StragglerMonitor::StepTimeWithout(
    int straggler, const std::vector<int64_t>& shares) const {
  std::vector<double> speeds = speeds_;
  const double slow = speeds[static_cast<size_t>(straggler)];
  for (size_t r = 0; r < speeds.size(); ++r) {
    if (straggles_[r] && speeds[r] <= slow) speeds[r] = 1;
  }
  return StepTime(
      EvenShares(std::accumulate(shares.begin(), shares.end(), int64_t{0}),
                 static_cast<int>(shares.size())),
      SpeedsOfReplicas(speeds));
}

int StragglerMonitor::Coordinator(int current) const {
  const std::vector<double> speeds = ReplicaSpeeds();
  if (speeds[static_cast<size_t>(current)] >= config_.straggler_ratio()) {
    return current;
  }
  return static_cast<int>(std::max_element(speeds.begin(), speeds.end()) -
                          speeds.begin());
}

}  // namespace perdure
