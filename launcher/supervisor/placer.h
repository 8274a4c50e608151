#ifndef PERDURE_LAUNCHER_SUPERVISOR_PLACER_H_
#define PERDURE_LAUNCHER_SUPERVISOR_PLACER_H_

// Decides where the next generation runs: knows the hosts and the trainer's
// layouts.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "launcher/supervisor/launch_options.h"
#include "launcher/supervisor/layout_tables.h"
#include "launcher/supervisor/node_table.h"
#include "launcher/supervisor/placement.h"

namespace perdure {

class Placer {
 public:
  explicit Placer(const LaunchOptions& options);

  // None: the trusted hosts do not suffice. May block for the trainer's answer.
  std::optional<Placement> Choose(double now);
  // One with more ranks than `current`; none also while the trainer's answer is
  // on its way. Never blocks.
  std::optional<Placement> Bigger(const Placement& current, double now);
  // As many ranks as `current` without `hosts`, on no slow host; none: the
  // spares do not suffice. Its layout is that of `current`. Never blocks.
  std::optional<Placement> Without(const std::vector<std::string>& hosts,
                                   const Placement& current, double now) const;
  // How many times shorter a step of `to` is than one of `from`: modelled, or
  // by the number of ranks where that is not known yet. Never blocks.
  double SpeedUp(const Placement& from, const Placement& to);

  // While a generation trains: asks the trainer beforehand for what the loss of
  // a host would lead to.
  void Turn(const Placement& current);

  NodeTable& nodes() { return nodes_; }
  // Layouts and rule for so many ranks; nullptr as LayoutTableCache::Get.
  const LayoutTable* Table(int ranks) { return tables_.Get(ranks); }
  LayoutRule Rule() const;
  const LayoutTableCache& tables() const { return tables_; }

 private:
  std::optional<LayoutAnswer> Answer(int ranks, bool may_block);
  // Of one step with the placement's layout; none if it is not known.
  std::optional<double> Modelled(const Placement& placement);

  const PlacementRule rule_;
  const bool allow_tp_change_;
  std::set<int> slots_;  // of hosts
  NodeTable nodes_;
  LayoutTableCache tables_;
};

// Ranks on the fullest host.
int RanksPerNode(const LaunchOptions& options);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_PLACER_H_
