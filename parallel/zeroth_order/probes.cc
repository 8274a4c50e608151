#include "parallel/zeroth_order/probes.h"

namespace perdure {

NoiseKind NoiseKindOf(const ZerothOrderConfig& config) {
  return config.noise() == ZerothOrderConfig::RADEMACHER
             ? NoiseKind::kRademacher
             : NoiseKind::kGaussian;
}

std::vector<Probe> ProbesOf(const ZerothOrderConfig& config) {
  std::vector<Probe> probes;
  const bool central = config.estimator() == ZerothOrderConfig::CENTRAL;
  if (!central) probes.push_back({-1, 0});
  for (int k = 0; k < config.directions(); ++k) {
    probes.push_back({k, +1});
    if (central) probes.push_back({k, -1});
  }
  return probes;
}

std::vector<ProbeGroup> GroupProbes(const std::vector<Probe>& probes,
                                    Range share) {
  std::vector<ProbeGroup> groups;
  for (int64_t p = share.begin; p < share.end; ++p) {
    const Probe& probe = probes[static_cast<size_t>(p)];
    if (groups.empty() || groups.back().direction != probe.direction) {
      groups.push_back({probe.direction, {}});
    }
    groups.back().signs.push_back(probe.sign);
  }
  return groups;
}

}  // namespace perdure
