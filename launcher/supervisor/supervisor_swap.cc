// Supervisor: slow hosts are swapped for spares.

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/supervisor/supervisor.h"

namespace perdure {

// A spare is tried before the ranks are asked to end; what is known by then
// decides. With fewer ranks than are wanted there is no spare, and the trial is
// of hosts to take back.
void Supervisor::SwapSlowHosts(GenerationRun* run, double now) {
  if (planned_ || stopping_ || first_step_at_ == 0 ||
      options_.swap_stragglers == MoveWhen::kNever || placer_.nodes().local() ||
      placement_.ranks < options_.ranks || !CanTakeSignals(table_)) {
    return;
  }
  const auto silent = trial_.Take();
  if (silent.has_value()) {
    Exclude(*silent);
    if (!silent->empty()) return;
  } else if (trial_.running() || now < next_look_) {
    return;
  }
  next_look_ = now + kLookSeconds;
  LearnNames();
  SwapCase swap = stragglers_.Measure(table_, now);
  // The slowest of them, as far as spares suffice.
  for (std::vector<std::string> hosts = HostsOf(swap.slow); !hosts.empty();
       hosts.pop_back()) {
    const auto placement = placer_.Without(hosts, placement_, now);
    if (!placement.has_value()) continue;
    swap.spares = Newcomers(*placement, placement_.hosts);
    SwapOnly(hosts, &swap);
    break;
  }
  swap.cost_seconds = MoveCost();
  if (swaps_ > 0) {
    swap.since_swap = now - swapped_at_;
    swap.cooldown_seconds =
        CooldownAfter(options_.cooldown_seconds, swaps_ - 1);
  }
  const SwapDecision decision = DecideSwap(swap, options_.swap_stragglers);
  if (decision.reason == SwapDecision::Reason::kSwap) {
    if (!silent.has_value()) {
      trial_.Begin(swap.spares, Probing());
      return;
    }
    Swap(swap, decision.why, now);
    AskToMove(run, now);
  } else if (std::exchange(told_swap_, decision.reason) != decision.reason &&
             !decision.why.empty()) {
    Say(decision.why);
  }
}

void Supervisor::Swap(const SwapCase& swap, const std::string& why,
                      double now) {
  ++swaps_;
  swapped_at_ = now;
  for (const std::string& host : HostsOf(swap.slow)) {
    placer_.nodes().MarkSlow(host, now);
  }
  parts_.events.Add("swap", {{"generation", generation_},
                             {"step", table_.LeastStep()},
                             {"hosts", absl::StrJoin(HostsOf(swap.slow), ",")},
                             {"spares", absl::StrJoin(swap.spares, ",")},
                             {"rank", swap.slow[0].rank},
                             {"speed", swap.slow[0].speed},
                             {"windows", swap.slow[0].windows},
                             {"saves_seconds", swap.saved_seconds()},
                             {"remaining_seconds", swap.remaining_seconds()},
                             {"cost_seconds", swap.cost_seconds},
                             {"why", why}});
  Say(why);
  Say(absl::StrCat("asks the ranks to save and end; hosts: ",
                   placer_.nodes().Describe(now)));
}

}  // namespace perdure
