#include "launcher/supervisor/placer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure {

int RanksPerNode(const LaunchOptions& options) {
  if (options.hosts.empty()) return options.ranks;
  int most = 1;
  for (const HostSlots& host : options.hosts) most = std::max(most, host.slots);
  return most;
}

Placer::Placer(const LaunchOptions& options)
    : rule_{options.ranks,
            options.min_ranks > 0 ? options.min_ranks : options.ranks},
      allow_tp_change_(options.allow_tp_change),
      nodes_(options.hosts, options.cooldown_seconds),
      tables_(options.trainer, RanksPerNode(options)) {
  for (const HostSlots& host : options.hosts) slots_.insert(host.slots);
}

LayoutRule Placer::Rule() const {
  if (!tables_.zeroth_order() || allow_tp_change_) return {};
  return {tables_.tp()};
}

std::optional<LayoutAnswer> Placer::Answer(int ranks, bool may_block) {
  if (!may_block && !tables_.Knows(ranks)) {
    tables_.Prefetch({ranks});
    return std::nullopt;
  }
  const LayoutTable* table = tables_.Get(ranks);
  if (table == nullptr) {
    return LayoutAnswer{std::nullopt,
                        absl::StrCat("the trainer chooses, as it tells no "
                                     "layouts: ",
                                     tables_.problem())};
  }
  std::optional<Layout> layout = ChooseLayout(*table, Rule());
  if (!layout.has_value()) return std::nullopt;
  std::string why = ExplainLayout(*table, Rule(), *layout, tables_.measured());
  return LayoutAnswer{std::move(layout), std::move(why)};
}

std::optional<Placement> Placer::Choose(double now) {
  return ChoosePlacement(nodes_, rule_, now, [this](int ranks) {
    return Answer(ranks, /*may_block=*/true);
  });
}

std::optional<Placement> Placer::Bigger(const Placement& current, double now) {
  if (nodes_.local() || nodes_.TrustedSlots(now) <= current.ranks) {
    return std::nullopt;
  }
  std::optional<Placement> placement = ChoosePlacement(
      nodes_, rule_, now,
      [this](int ranks) { return Answer(ranks, /*may_block=*/false); });
  if (!placement.has_value() || placement->ranks <= current.ranks) {
    return std::nullopt;
  }
  return placement;
}

std::optional<Placement> Placer::Without(const std::vector<std::string>& hosts,
                                         const Placement& current,
                                         double now) const {
  NodeTable nodes = nodes_;
  for (const std::string& host : hosts) nodes.MarkSlow(host, now);
  std::optional<std::vector<HostSlots>> chosen =
      nodes.Choose(current.ranks, now);
  if (!chosen.has_value() ||
      std::any_of(chosen->begin(), chosen->end(), [&](const HostSlots& host) {
        return nodes.IsSlow(host.host, now);
      })) {
    return std::nullopt;
  }
  Placement placement = current;
  placement.hosts = *std::move(chosen);
  return placement;
}

std::optional<double> Placer::Modelled(const Placement& placement) {
  if (!tables_.Knows(placement.ranks)) return std::nullopt;
  // The run's own layout is not among what the tables say of it: the best one
  // stands for it.
  const std::optional<Layout> layout =
      placement.layout.has_value()
          ? placement.layout
          : ChooseLayout(*tables_.Get(placement.ranks), Rule());
  if (!layout.has_value() || StepSeconds(*layout) <= 0) return std::nullopt;
  return StepSeconds(*layout);
}

double Placer::SpeedUp(const Placement& from, const Placement& to) {
  const std::optional<double> before = Modelled(from);
  const std::optional<double> after = Modelled(to);
  if (before.has_value() && after.has_value()) return *before / *after;
  return static_cast<double>(to.ranks) / from.ranks;
}

void Placer::Turn(const Placement& current) {
  tables_.Turn();
  if (nodes_.local() || rule_.min_ranks == rule_.ranks) return;
  std::set<int> ranks = {rule_.ranks};
  for (const int slots : slots_) {
    if (current.ranks - slots >= rule_.min_ranks) {
      ranks.insert(current.ranks - slots);
    }
  }
  tables_.Prefetch(ranks);
}

}  // namespace perdure
