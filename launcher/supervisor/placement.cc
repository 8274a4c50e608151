#include "launcher/supervisor/placement.h"

#include <algorithm>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace perdure {

std::optional<Placement> ChoosePlacement(const NodeTable& nodes,
                                         const PlacementRule& rule, double now,
                                         const LayoutSource& layouts) {
  if (nodes.local()) return Placement{rule.ranks, {}, std::nullopt, ""};
  const int most = std::min(rule.ranks, nodes.TrustedSlots(now));
  for (int ranks = most; ranks >= rule.min_ranks; --ranks) {
    std::optional<LayoutAnswer> answer = LayoutAnswer();  // the run's own
    if (ranks < rule.ranks) answer = layouts(ranks);
    if (!answer.has_value()) continue;
    return Placement{ranks, *nodes.Choose(ranks, now),
                     std::move(answer->layout), std::move(answer->why)};
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
  std::unordered_set<std::string> known;
  for (const HostSlots& host : before) known.insert(host.host);
  std::vector<std::string> hosts;
  for (const HostSlots& host : placement.hosts) {
    if (known.count(host.host) == 0) hosts.push_back(host.host);
  }
  return hosts;
}

}  // namespace perdure
