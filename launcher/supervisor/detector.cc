#include "launcher/supervisor/detector.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace perdure {
namespace {

using Ranks = std::vector<int>;

const RankStatus& At(const RankTable& table, int rank) {
  return table.ranks()[static_cast<size_t>(rank)];
}

template <typename Condition>
Ranks Which(const RankTable& table, const Condition& condition) {
  Ranks found;
  for (int r = 0; r < static_cast<int>(table.ranks().size()); ++r) {
    if (condition(At(table, r))) found.push_back(r);
  }
  return found;
}

std::string List(const Ranks& ranks) {
  return absl::StrCat(ranks.size() == 1 ? "rank " : "ranks ",
                      absl::StrJoin(ranks, ", "));
}

Verdict Blame(Fault fault, const RankTable& table, Ranks ranks,
              std::string what) {
  Verdict verdict;
  verdict.fault = fault;
  verdict.what = std::move(what);
  verdict.step = table.LeastStep() + 1;
  std::set<std::string> hosts;
  for (const int rank : ranks) {
    if (At(table, rank).heard) hosts.insert(At(table, rank).last.host());
  }
  verdict.ranks = std::move(ranks);
  verdict.hosts.assign(hosts.begin(), hosts.end());
  return verdict;
}

std::optional<Verdict> DetectNoStart(const RankTable& table,
                                     const Budgets& budgets, double now) {
  const double waited = now - table.began();
  if (waited <= budgets.Of(Phase::kStart)) return std::nullopt;
  Ranks missing =
      Which(table, [](const RankStatus& rank) { return !rank.heard; });
  if (missing.empty()) return std::nullopt;
  std::string what = absl::StrFormat("%s not heard of %.0f s after the start",
                                     List(missing), waited);
  return Blame(Fault::kStart, table, std::move(missing), std::move(what));
}

// The ranks of a host that are still to be heard of.
Ranks RunningOn(const RankTable& table, const std::string& host) {
  return Which(table, [&](const RankStatus& rank) {
    return rank.heard && !rank.finished() && rank.last.host() == host;
  });
}

std::optional<Verdict> DetectSilence(const RankTable& table,
                                     const Budgets& budgets, double now) {
  const auto silent_for = [&](double seconds) {
    return [&table, now, seconds](int r) {
      return now - At(table, r).heard_at > seconds;
    };
  };
  Ranks silent = Which(table, [&](const RankStatus& rank) {
    return rank.heard && !rank.finished() &&
           now - rank.heard_at > budgets.silence();
  });
  if (silent.empty()) return std::nullopt;
  const std::string host = At(table, silent[0]).last.host();
  const double since = now - At(table, silent[0]).heard_at;
  // Ranks of a lost host do not fall silent in the same instant: they beat at
  // different times.
  Ranks of_host = RunningOn(table, host);
  if (std::all_of(of_host.begin(), of_host.end(),
                  silent_for(budgets.silence() / 2))) {
    std::string what = absl::StrFormat(
        "nothing is heard of %s (%s) for %.1f s: lost, frozen or cut off", host,
        List(of_host), since);
    return Blame(Fault::kNodeSilent, table, std::move(of_host),
                 std::move(what));
  }
  std::string what = absl::StrFormat(
      "%s on %s silent for %.1f s while others of the host are heard: dead or "
      "stopped",
      List(silent), host, since);
  return Blame(Fault::kRankSilent, table, std::move(silent), std::move(what));
}

// The last sign that a rank got anywhere.
double ActiveAt(const RankStatus& rank) {
  return std::max({rank.phase_since, rank.step_since, rank.collective_since});
}

// Two ranks that wait in one group for different calls. Messages are numbered
// by each end for itself.
std::optional<Ranks> Mismatched(const RankTable& table, const Ranks& waiting) {
  std::map<std::string, int> first_of_group;
  for (const int r : waiting) {
    const Heartbeat& beat = At(table, r).last;
    if (beat.operation() == "Send" || beat.operation() == "Receive") continue;
    const auto [found, fresh] = first_of_group.emplace(beat.group(), r);
    if (fresh) continue;
    const Heartbeat& other = At(table, found->second).last;
    if (beat.sequence() != other.sequence() ||
        beat.operation() != other.operation()) {
      return Ranks{found->second, r};
    }
  }
  return std::nullopt;
}

std::optional<Verdict> DetectNoProgress(const RankTable& table,
                                        const Budgets& budgets, double now) {
  if (!table.AllHeard()) return std::nullopt;
  const Ranks running =
      Which(table, [](const RankStatus& rank) { return !rank.finished(); });
  if (running.empty()) return std::nullopt;
  double active = 0, budget = 0;
  for (const int r : running) {
    active = std::max(active, ActiveAt(At(table, r)));
    budget = std::max(budget, budgets.Of(At(table, r).phase(),
                                         At(table, r).last.steps_made()));
  }
  if (now - active <= budget) return std::nullopt;

  const std::string after = absl::StrFormat(
      "no progress for %.1f s (allowed: %.1f s)", now - active, budget);
  Ranks waiting, busy;
  for (const int r : running) {
    (At(table, r).last.in_collective() ? waiting : busy).push_back(r);
  }
  if (!busy.empty()) {
    std::string what = absl::StrCat(after, ": ", List(busy), " (",
                                    DescribeRank(table, busy[0], now), ")");
    if (!waiting.empty()) {
      absl::StrAppend(&what, "; ", List(waiting), " wait for it");
    }
    return Blame(Fault::kHang, table, std::move(busy), std::move(what));
  }
  if (std::optional<Ranks> two = Mismatched(table, waiting)) {
    std::string what =
        absl::StrCat(after, ": ", DescribeRank(table, (*two)[0], now), ", but ",
                     DescribeRank(table, (*two)[1], now));
    return Blame(Fault::kDesync, table, std::move(*two), std::move(what));
  }
  std::string what = absl::StrCat(
      after, ": all ranks wait, as ", DescribeRank(table, waiting[0], now),
      "; data does not get through between some of them");
  return Blame(Fault::kStuckNetwork, table, {}, std::move(what));
}

}  // namespace

std::string DescribeRank(const RankTable& table, int rank, double now) {
  const RankStatus& status = At(table, rank);
  if (!status.heard) return absl::StrCat("rank ", rank, ": not heard of");
  const Heartbeat& beat = status.last;
  std::string text =
      absl::StrFormat("rank %d on %s: %s, step %d", rank, beat.host(),
                      PhaseName(status.phase()), beat.step());
  if (beat.in_collective()) {
    absl::StrAppendFormat(&text, ", %.1f s in %s: %s #%d",
                          now - status.collective_since, beat.group(),
                          beat.operation(), beat.sequence());
  } else {
    absl::StrAppendFormat(&text, ", %.1f s outside of collectives",
                          now - ActiveAt(status));
  }
  if (beat.has_speed()) {
    absl::StrAppendFormat(&text,
                          ", computed %.2f s of its last step, %s%.2f "
                          "of the median speed",
                          beat.compute_seconds(),
                          beat.straggler() ? "STRAGGLER at " : "",
                          beat.speed());
  }
  return text;
}

std::optional<Verdict> Detect(const RankTable& table, const Budgets& budgets,
                              double now) {
  for (const auto detect : {DetectNoStart, DetectSilence, DetectNoProgress}) {
    if (std::optional<Verdict> verdict = detect(table, budgets, now)) {
      return verdict;
    }
  }
  return std::nullopt;
}

}  // namespace perdure
