// Supervisor: on which hosts the ranks run, and when they move.

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "launcher/supervisor/supervisor.h"

namespace perdure {
namespace {

// Slurm is slow to start a step just after it has lost a node.
constexpr double kSlurmStartSeconds = 15;

}  // namespace

ProbeOptions Supervisor::Probing() const {
  ProbeOptions options;
  options.access = options_.access;
  options.program = options_.program;
  if (options_.access.slurm) options.start_seconds = kSlurmStartSeconds;
  return options;
}

void Supervisor::LearnNames() {
  std::vector<std::string> names;
  for (const RankStatus& rank : table_.ranks()) {
    names.push_back(rank.heard ? rank.last.host() : "");
  }
  placer_.nodes().LearnNames(placement_.hosts, names);
}

void Supervisor::Exclude(const std::vector<std::string>& hosts) {
  const double now = MonotonicSeconds();
  for (const std::string& host : hosts) {
    if (!placer_.nodes().Exclude(host, now)) continue;
    parts_.events.Add("excluded", {{"host", host}});
    Say(absl::StrCat("hosts: ", placer_.nodes().Describe(now)));
  }
}

void Supervisor::Condemn(const std::vector<std::string>& hosts) {
  for (const std::string& host : hosts) {
    if (!placer_.nodes().Condemn(host)) continue;
    parts_.events.Add("excluded", {{"host", host}, {"for_good", 1}});
    Say(absl::StrCat("hosts: ", placer_.nodes().Describe(MonotonicSeconds())));
  }
}

// A host whose ranks fell silent together, or that mpirun lost, is not trusted
// for a while; a rank that crashes alone is mostly no fault of its host.
// Where ranks did not even start, hosts that cannot be reached are the reason;
// where all wait for all, links that carry no data. A host that computes
// wrongly is never trusted again; where it is only known to be among several,
// all of them are left alone for a while.
void Supervisor::ExcludeGuilty(Verdict* verdict) {
  LearnNames();
  std::vector<std::string> names;
  for (const HostSlots& host : placement_.hosts) names.push_back(host.host);
  if (verdict->fault == Fault::kStart) {
    Exclude(UnreachableHosts(names, Probing()));
  } else if (verdict->fault == Fault::kStuckNetwork && names.size() > 1) {
    const LinkVerdict links = ProbeLinks(names, Probing());
    parts_.events.Add("probe", {{"what", links.what}});
    verdict->what = absl::StrCat(verdict->what, "; ", links.what);
    verdict->hosts = links.guilty;
    Exclude(links.guilty);
  } else if (verdict->fault == Fault::kWrongResult && verdict->certain) {
    Condemn(verdict->hosts);
  } else if (verdict->fault == Fault::kNodeSilent ||
             verdict->fault == Fault::kWrongResult) {
    Exclude(verdict->hosts);
  }
}

// Spares have not shown for long that they live, and hosts that were left out
// have not since, even if the last generation was on them.
bool Supervisor::NewcomersAnswer(const Placement& placement) {
  if (generation_ == 0) return true;
  std::vector<std::string> fresh = Newcomers(placement, placement_.hosts);
  for (std::string& host : placer_.nodes().Untried(placement.hosts)) {
    if (std::find(fresh.begin(), fresh.end(), host) == fresh.end()) {
      fresh.push_back(std::move(host));
    }
  }
  if (fresh.empty()) return true;
  const std::vector<std::string> silent = UnreachableHosts(fresh, Probing());
  for (const std::string& host : fresh) placer_.nodes().MarkTried(host);
  if (silent.empty()) return true;
  Say(absl::StrCat("not reached: ", absl::StrJoin(silent, ", ")));
  Exclude(silent);
  return false;
}

void Supervisor::CoolDown(const Verdict& verdict, const DiagnosisRule& rule) {
  if (rule.blame() == DiagnosisRule::HOST) {
    // Those are out already.
    const bool excluded = verdict.fault == Fault::kNodeSilent ||
                          verdict.fault == Fault::kStuckNetwork;
    if (!excluded) Exclude(verdict.hosts);
    return;
  }
  wait_until_ = MonotonicSeconds() + options_.cooldown_seconds;
  Say(absl::StrCat("waits ", options_.cooldown_seconds,
                   " s before the restart: ", rule.cause()));
}

std::optional<Placement> Supervisor::WaitForHosts() {
  double began = MonotonicSeconds();
  bool told = false;
  while (true) {
    const double now = MonotonicSeconds();
    const bool cooling = now < wait_until_;
    if (cooling) {
      began = now;
    } else if (const std::optional<Placement> placement = placer_.Choose(now)) {
      if (NewcomersAnswer(*placement)) return placement;
      continue;
    }
    while (parts_.signals.Take().has_value()) stopping_ = true;
    if (stopping_ || (!cooling && (now - began > options_.wait_seconds ||
                                   !placer_.nodes().NextReturn(now)))) {
      return std::nullopt;
    }
    if (!cooling && !told) {
      Say(absl::StrCat("waits for hosts: ", placer_.nodes().Describe(now)));
      told = true;
    }
    absl::SleepFor(absl::Milliseconds(100));
  }
}

void Supervisor::TakePlacement(const Placement& placement) {
  const bool fewer = placement.ranks < options_.ranks;
  const bool changed = placement.ranks != placement_.ranks;
  placement_ = placement;
  if (generation_ == 0 || !(fewer || changed)) return;
  Say(absl::StrCat("goes on with ", placement.ranks, " of ", options_.ranks,
                   " ranks on ", HostsText(placement),
                   placement.layout.has_value() ? " as " : "",
                   placement.layout.has_value() ? placement.why : ""));
}

double Supervisor::MoveCost() const {
  if (move_seconds_ > 0) return move_seconds_;
  return first_step_at_ - restarted_at_ + budgets_.Longest(Phase::kSave);
}

void Supervisor::AskToMove(GenerationRun* run, double now) {
  planned_ = true;
  moved_at_ = now;
  run->Signal(SIGUSR1);
}

// Whether the time that more ranks save is worth the interruption.
bool Supervisor::PaysToMove(const Placement& bigger, double now) {
  const RankStatus& rank = table_.ranks()[0];
  if (first_step_at_ == 0 || rank.last.steps_made() < kStepsToJudge) {
    return false;
  }
  Switch move;
  move.steps_left = rank.last.total_steps() - rank.last.step();
  move.step_seconds =
      (now - first_step_at_) / static_cast<double>(rank.last.steps_made());
  move.speed_up = placer_.SpeedUp(placement_, bigger);
  move.cost_seconds = MoveCost();
  const bool pays = move.gain_seconds() > 0;
  if (pays != told_pays_ || !told_pays_.has_value()) {
    told_pays_ = pays;
    Say(absl::StrFormat(
        "%d ranks on %s are possible: %.2f times as fast, which %s %.1f s over "
        "the %d steps left",
        bigger.ranks, HostsText(bigger), move.speed_up,
        pays ? "saves" : "with the interruption loses",
        pays ? move.gain_seconds() : -move.gain_seconds(), move.steps_left));
  }
  return pays;
}

// Takes hosts back: while fewer ranks run than are wanted, and the hosts for
// more are trusted again and answer, the generation is asked to save and end.
void Supervisor::TakeBackHosts(GenerationRun* run, double now) {
  // Not before: the ranks measure their machines while they start.
  if (first_step_at_ > 0) placer_.Turn(placement_);
  if (planned_ || stopping_ || placement_.ranks == options_.ranks ||
      options_.take_back == MoveWhen::kNever) {
    return;
  }
  if (const auto silent = trial_.Take()) {
    Exclude(*silent);
    if (!silent->empty() || !CanTakeSignals(table_)) return;
    Say("asks the ranks to save and end, to go on with more of them");
    AskToMove(run, now);
    return;
  }
  if (trial_.running() || now < next_look_ || !CanTakeSignals(table_)) return;
  next_look_ = now + kLookSeconds;
  const std::optional<Placement> bigger = placer_.Bigger(placement_, now);
  if (!bigger.has_value()) return;
  if (options_.take_back == MoveWhen::kPays && !PaysToMove(*bigger, now)) {
    return;
  }
  trial_.Begin(Newcomers(*bigger, placement_.hosts), Probing());
}

}  // namespace perdure
