#include "launcher/simulate/simulation_report.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "launcher/simulate/simulate.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

struct Share {
  const char* name;
  double seconds;
  const char* remedy;
};

std::vector<Share> Shares(const TimeSpent& time) {
  return {
      {"running with fewer ranks", time.fewer,
       "more spares, or faster repairs"},
      {"steps made again", time.redone,
       "snapshots nearer to the best interval, or with less standstill"},
      {"standing still for snapshots", time.snapshots,
       "snapshots less often, or faster storage"},
      {"noticing failures", time.detecting, "shorter --silence and --progress"},
      {"restarting and loading", time.restarting,
       "faster loading: local copies of snapshots, more readers"},
      {"waiting for hosts", time.waiting, "more spares, or faster repairs"},
  };
}

std::string Percent(double part, double whole) {
  return absl::StrFormat("%6.2f %%", 100 * part / whole);
}

void AppendTime(const Outcome& outcome, std::string* text) {
  const double total = outcome.time.total();
  absl::StrAppendFormat(text, "\neffective training time       %s\n",
                        Percent(outcome.time.training, total));
  for (const Share& share : Shares(outcome.time)) {
    absl::StrAppendFormat(text, "  %-28s%s\n", share.name,
                          Percent(share.seconds, total));
  }
}

void AppendHint(const Outcome& outcome, std::string* text) {
  if (outcome.given_up > 0) {
    absl::StrAppendFormat(text,
                          "\n%.0f of the runs ended early: %s\n"
                          "raise max_restarts and max_no_progress, or spares\n",
                          outcome.given_up, outcome.why);
    return;
  }
  const std::vector<Share> shares = Shares(outcome.time);
  const auto largest = std::max_element(
      shares.begin(), shares.end(),
      [](const Share& a, const Share& b) { return a.seconds < b.seconds; });
  if (largest->seconds <= 0) return;
  absl::StrAppend(text, "\nmost is lost in ", largest->name, ": ",
                  largest->remedy, "\n");
}

void AppendIntervals(const Simulation& simulation, std::string* text) {
  if (simulation.snapshot_cost_seconds() <= 0) return;
  absl::StrAppend(text, "\nsnapshot every     effective\n");
  const std::vector<IntervalPoint> points = SweepIntervals(simulation);
  constexpr size_t kShown = 5;  // a factor of two apart
  for (size_t i = 0; i < points.size(); i += points.size() / kShown + 1) {
    absl::StrAppendFormat(text, "  %-17s%s\n", HumanDuration(points[i].seconds),
                          Percent(points[i].effective, 1));
  }
  const IntervalPoint best = BestOf(points);
  absl::StrAppendFormat(text,
                        "best: %s (%.2f %%, %.0f steps); Young %s, Daly %s\n",
                        HumanDuration(best.seconds), 100 * best.effective,
                        best.seconds / simulation.step_seconds(),
                        HumanDuration(YoungInterval(simulation)),
                        HumanDuration(DalyInterval(simulation)));
}

}  // namespace

std::string SimulationReport(const Simulation& simulation) {
  const Outcome outcome = Simulate(simulation);
  std::string text = absl::StrFormat(
      "%s nodes, %d spares, %s ranks, %g days, mean of %d runs\n"
      "a node fails every %s, the run every %s\n\n",
      WithCommas(simulation.nodes()), simulation.spares(),
      WithCommas(int64_t{simulation.nodes()} * simulation.ranks_per_node()),
      simulation.days(), simulation.trials(),
      HumanDuration(simulation.node_mtbf_hours() * 3600),
      HumanDuration(RunMtbf(simulation)));
  absl::StrAppendFormat(&text,
                        "interruptions                 %.1f\n"
                        "  before the first step       %.1f\n"
                        "  hosts lost                  %.1f\n"
                        "  probes of broken hosts      %.1f\n"
                        "moves to more ranks           %.1f\n"
                        "steps kept                    %s\n"
                        "steps lost                    %s\n",
                        outcome.interruptions, outcome.in_start,
                        outcome.hosts_lost, outcome.probes_failed,
                        outcome.moves,
                        WithCommas(static_cast<int64_t>(outcome.steps)),
                        WithCommas(static_cast<int64_t>(outcome.steps_lost)));
  AppendTime(outcome, &text);
  // With a journal snapshots only shorten the replay, which is not modelled.
  if (!simulation.journal()) AppendIntervals(simulation, &text);
  AppendHint(outcome, &text);
  return text;
}

}  // namespace perdure
