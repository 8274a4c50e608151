#include "launcher/simulate/simulate.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "launcher/supervisor/node_table.h"
#include "launcher/supervisor/placement.h"
#include "launcher/supervisor/policy.h"

namespace perdure {
namespace {

// One run from its first start to the end of its days.
class Run {
 public:
  Run(const Simulation& simulation, int trial)
      : simulation_(simulation),
        end_(simulation.days() * 86400),
        ranks_(simulation.nodes() * simulation.ranks_per_node()),
        random_(simulation.seed() * 1000003 + static_cast<uint64_t>(trial)),
        rule_{ranks_, simulation.min() > 0 ? simulation.min() : ranks_},
        policy_({simulation.max_restarts(), simulation.max_no_progress()}),
        nodes_(Hosts(simulation), simulation.cooldown_seconds()),
        broken_until_(
            static_cast<size_t>(simulation.nodes() + simulation.spares())) {}

  Outcome Play() {
    bool going = true;
    while (going && now_ < end_) going = Generation();
    outcome_.steps = static_cast<double>(step_);
    return outcome_;
  }

 private:
  static std::vector<HostSlots> Hosts(const Simulation& simulation) {
    std::vector<HostSlots> hosts;
    for (int i = 0; i < simulation.nodes() + simulation.spares(); ++i) {
      hosts.push_back({absl::StrCat("n", i), simulation.ranks_per_node()});
    }
    return hosts;
  }

  static size_t IndexOf(const std::string& host) {
    return std::strtoul(host.c_str() + 1, nullptr, 10);
  }

  // In (0, 1), the same on every platform.
  double Uniform() {
    return (static_cast<double>(random_() >> 11) + 0.5) * 0x1p-53;
  }
  double Exponential(double mean) { return -mean * std::log(Uniform()); }

  // Lets time go by, not beyond the end of the run; what it was spent on.
  double Spend(double seconds, double* on) {
    const double spent = std::min(seconds, end_ - now_);
    now_ += spent;
    *on += spent;
    return spent;
  }

  std::optional<Placement> Choose(double now) const {
    return ChoosePlacement(nodes_, rule_, now, [this](int ranks) {
      return ranks % simulation_.replica_ranks() == 0
                 ? std::optional<LayoutAnswer>(LayoutAnswer())
                 : std::nullopt;
    });
  }

  double SpeedOf(const Placement& placement) const {
    return static_cast<double>(placement.ranks) / ranks_;
  }

  // False: the policy gives up.
  bool Generation() {
    const std::optional<Placement> placement = Choose(now_);
    if (!placement.has_value()) {
      const double next = nodes_.NextReturn(now_).value_or(end_);
      Spend(std::max(next - now_, 1e-3), &outcome_.time.waiting);
      return true;
    }
    std::vector<std::string> hosts;
    for (const HostSlots& host : placement->hosts) hosts.push_back(host.host);
    if (!AllAnswer(hosts, now_)) {
      Spend(simulation_.probe_seconds(), &outcome_.time.restarting);
      return true;
    }
    ++generation_;
    const int64_t first = step_ = kept_;
    const double fails_at =
        now_ + Exponential(simulation_.node_mtbf_hours() * 3600 /
                           static_cast<double>(hosts.size()));
    const double start = StartSeconds();
    const bool fails_in_start = now_ + start > fails_at;
    Spend(fails_in_start ? fails_at - now_ : start, &outcome_.time.restarting);
    if (now_ >= end_) return true;
    if (fails_in_start) {
      ++outcome_.in_start;
      return Fail(first, *placement);
    }
    const double moves_at = MovesAt(*placement, std::min(fails_at, end_));
    const bool moves = moves_at < std::min(fails_at, end_);
    Train(moves ? moves_at : fails_at, SpeedOf(*placement), moves);
    if (now_ >= end_) return true;
    return moves ? Move(first) : Fail(first, *placement);
  }

  double StartSeconds() const {
    return simulation_.restart_seconds() + simulation_.load_seconds();
  }

  // Hosts that were out have not shown yet that they live: those that do not
  // answer a probe are left out again. False: there were some.
  bool AllAnswer(const std::vector<std::string>& hosts, double now) {
    int silent = 0;
    for (const std::string& host : hosts) {
      if (broken_until_[IndexOf(host)] <= now) continue;
      nodes_.Exclude(host, now);
      ++silent;
    }
    outcome_.probes_failed += silent;
    return silent == 0;
  }

  // When ranks that train with this placement are moved to more hosts, if that
  // is before `until`: hosts are looked at, while training goes on, as soon as
  // they are trusted again.
  double MovesAt(const Placement& current, double until) {
    if (current.ranks == ranks_) return until;
    double at = now_;
    while (at < until) {
      const std::optional<Placement> bigger = Choose(at);
      if (bigger.has_value() && bigger->ranks > current.ranks &&
          Pays(current, *bigger, at) &&
          AllAnswer(Newcomers(*bigger, current.hosts), at)) {
        return at;
      }
      at = nodes_.NextReturn(at).value_or(until);
    }
    return until;
  }

  bool Pays(const Placement& from, const Placement& to, double now) const {
    Switch move;
    move.step_seconds = simulation_.step_seconds() / SpeedOf(from);
    move.steps_left = static_cast<int64_t>((end_ - now) / move.step_seconds);
    move.speed_up = SpeedOf(to) / SpeedOf(from);
    move.cost_seconds = StartSeconds() + simulation_.snapshot_cost_seconds();
    return move.gain_seconds() > 0;
  }

  // Trains, with a snapshot after every interval; `saves`: at the end, too.
  void Train(double until, double speed, bool saves) {
    const double seconds = std::min(until, end_) - now_;
    now_ = std::min(until, end_);
    const double interval = simulation_.snapshot_interval_seconds();
    const double cycle = interval + simulation_.snapshot_cost_seconds();
    const double cycles = std::floor(seconds / cycle);
    const double rest = seconds - cycles * cycle;
    const double since = std::min(rest, interval);  // the last snapshot
    outcome_.time.snapshots +=
        cycles * simulation_.snapshot_cost_seconds() + (rest - since);
    const double step = simulation_.step_seconds() / speed;
    // Steps begun before a snapshot count with it: nothing is left half done
    // there, and at the end of the run nothing is lost.
    const double saved = cycles * interval;
    const bool all = simulation_.journal() || saves || now_ >= end_;
    const double kept = all ? saved + std::floor(since / step) * step : saved;
    outcome_.time.training += kept * speed;
    outcome_.time.fewer += kept * (1 - speed);
    outcome_.time.redone += saved + since - kept;
    work_ += kept * speed;
    const double made = work_ + (saved + since - kept) * speed;
    kept_ = StepsIn(work_);
    step_ = std::max(StepsIn(made), kept_);
    if (!all) outcome_.steps_lost += static_cast<double>(step_ - kept_);
  }

  int64_t StepsIn(double work) const {
    return static_cast<int64_t>(std::floor(work / simulation_.step_seconds()));
  }

  // The ranks save and end, to go on with more of them.
  bool Move(int64_t first) {
    ++outcome_.moves;
    Spend(simulation_.snapshot_cost_seconds(), &outcome_.time.snapshots);
    GenerationEnd end;
    end.first_step = first;
    end.last_step = step_;
    end.exit_code = 143;
    end.planned = true;
    return Decide(&end);
  }

  bool Fail(int64_t first, const Placement& placement) {
    ++outcome_.interruptions;
    Spend(simulation_.detect_seconds(), &outcome_.time.detecting);
    const int rank = std::min(placement.ranks - 1,
                              static_cast<int>(Uniform() * placement.ranks));
    const std::string& host =
        placement
            .hosts[static_cast<size_t>(rank / simulation_.ranks_per_node())]
            .host;
    GenerationEnd end;
    end.exit_code = 1;
    end.first_step = first;
    end.last_step = std::max(first, step_);
    end.verdict = Verdict{Fault::kCrash, {rank}, {host}, "", step_ + 1};
    end.signal = 9;
    if (Uniform() < simulation_.host_share()) {
      ++outcome_.hosts_lost;
      end.verdict->fault = Fault::kNodeSilent;
      end.signal = 0;
      nodes_.Exclude(host, now_);
      broken_until_[IndexOf(host)] = now_ + simulation_.repair_hours() * 3600;
    }
    return Decide(&end);
  }

  bool Decide(GenerationEnd* end) {
    end->generation = generation_;
    const Decision decision = policy_.Decide(*end);
    if (decision.restart) return true;
    outcome_.given_up = 1;
    outcome_.why = decision.why;
    // What would have been trained is lost.
    Spend(end_ - now_, &outcome_.time.waiting);
    return false;
  }

  const Simulation& simulation_;
  const double end_;
  const int ranks_;
  std::mt19937_64 random_;
  const PlacementRule rule_;
  Policy policy_;
  NodeTable nodes_;
  double now_ = 0;
  double work_ = 0;   // seconds of training, with all ranks, that are safe
  int64_t kept_ = 0;  // steps that are
  int64_t step_ = 0;  // finished in this generation
  int64_t generation_ = 0;
  std::vector<double> broken_until_;  // by host
  Outcome outcome_;
};

void Add(const Outcome& one, double weight, Outcome* sum) {
  const auto add = [weight](double from, double* to) { *to += weight * from; };
  add(one.time.training, &sum->time.training);
  add(one.time.fewer, &sum->time.fewer);
  add(one.time.redone, &sum->time.redone);
  add(one.time.snapshots, &sum->time.snapshots);
  add(one.time.detecting, &sum->time.detecting);
  add(one.time.restarting, &sum->time.restarting);
  add(one.time.waiting, &sum->time.waiting);
  add(one.interruptions, &sum->interruptions);
  add(one.in_start, &sum->in_start);
  add(one.hosts_lost, &sum->hosts_lost);
  add(one.probes_failed, &sum->probes_failed);
  add(one.moves, &sum->moves);
  add(one.steps, &sum->steps);
  add(one.steps_lost, &sum->steps_lost);
  sum->given_up += one.given_up;
  if (sum->why.empty()) sum->why = one.why;
}

}  // namespace

Outcome SimulateOnce(const Simulation& simulation, int trial) {
  return Run(simulation, trial).Play();
}

Outcome Simulate(const Simulation& simulation) {
  Outcome mean;
  for (int trial = 0; trial < simulation.trials(); ++trial) {
    Add(SimulateOnce(simulation, trial), 1.0 / simulation.trials(), &mean);
  }
  return mean;
}

double RunMtbf(const Simulation& simulation) {
  return simulation.node_mtbf_hours() * 3600 / simulation.nodes();
}

double YoungInterval(const Simulation& simulation) {
  return std::sqrt(2 * simulation.snapshot_cost_seconds() *
                   RunMtbf(simulation));
}

double DalyInterval(const Simulation& simulation) {
  const double cost = simulation.snapshot_cost_seconds();
  const double mtbf = RunMtbf(simulation);
  if (cost >= 2 * mtbf) return mtbf;
  const double root = std::sqrt(cost / (2 * mtbf));
  return std::sqrt(2 * cost * mtbf) * (1 + root / 3 + root * root / 9) - cost;
}

std::vector<IntervalPoint> SweepIntervals(const Simulation& simulation) {
  // A quarter of Young's interval to four times it, in fifths of an octave: the
  // optimum is flat, finer steps would follow the noise.
  constexpr int kSteps = 10;
  constexpr int kTrials = 2;
  const double middle =
      std::max(YoungInterval(simulation), simulation.step_seconds());
  Simulation candidate = simulation;
  candidate.set_trials(std::min(simulation.trials(), kTrials));
  std::vector<IntervalPoint> points;
  for (int i = -kSteps; i <= kSteps; ++i) {
    candidate.set_snapshot_interval_seconds(middle * std::pow(2.0, i / 5.0));
    points.push_back({candidate.snapshot_interval_seconds(),
                      Simulate(candidate).effective()});
  }
  return points;
}

IntervalPoint BestOf(const std::vector<IntervalPoint>& points) {
  return *std::max_element(points.begin(), points.end(),
                           [](const IntervalPoint& a, const IntervalPoint& b) {
                             return a.effective < b.effective;
                           });
}

}  // namespace perdure
