#include "launcher/supervisor/placement.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace perdure {

std::optional<Placement> ChoosePlacement(const NodeTable& nodes,
                                         const PlacementRule& rule, double now,
                                         const LayoutSource& layouts) {
  if (nodes.local()) return Placement{rule.ranks, {}, std::nullopt, ""};
  const int most = std::min(rule.ranks, nodes.TrustedSlots(now));
  for (int ranks = most; ranks >= rule.min_ranks; --ranks) {
    Placement placement{ranks, *nodes.Choose(ranks, now), std::nullopt, ""};
    if (ranks == rule.ranks) return placement;
    std::optional<LayoutAnswer> answer = layouts(ranks);
    if (!answer.has_value()) continue;
    placement.layout = std::move(answer->layout);
    placement.why = std::move(answer->why);
    return placement;
  }
  return std::nullopt;
}

std::string HostsText(const Placement& placement) {
  if (placement.hosts.empty()) return "this machine";
  return absl::StrJoin(placement.hosts, ", ",
                       [](std::string* out, const HostSlots& host) {
                         absl::StrAppend(out, host.host, ":", host.slots);
                       });
}

std::vector<std::string> Newcomers(const Placement& placement,
                                   const std::vector<HostSlots>& before) {
  std::vector<std::string> hosts;
  for (const HostSlots& host : placement.hosts) {
    const bool known = std::any_of(
        before.begin(), before.end(),
        [&](const HostSlots& other) { return other.host == host.host; });
    if (!known) hosts.push_back(host.host);
  }
  return hosts;
}

}  // namespace perdure
