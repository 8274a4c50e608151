#include "launcher/train/speed_watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace perdure {
namespace {

double LongestSeconds(const std::vector<PassWork>& work) {
  double longest = 0;
  for (const PassWork& one : work) longest = std::max(longest, one.seconds);
  return longest;
}

}  // namespace

SpeedWatch::SpeedWatch(const RunConfig& config, Parts parts)
    : config_(config),
      parts_(std::move(parts)),
      monitor_(config.resilience(), parts_.groups->topology),
      counted_(parts_.engine->runtime().meter().work()) {}

void SpeedWatch::BeginStep() {
  begun_ = std::chrono::steady_clock::now();
  waited_ = WaitedSeconds(*parts_.groups);
}

void SpeedWatch::EndStep() {
  const std::chrono::duration<double> wall =
      std::chrono::steady_clock::now() - begun_;
  if (parts_.board != nullptr) {
    parts_.board->SetComputeSeconds(wall.count() -
                                    (WaitedSeconds(*parts_.groups) - waited_));
  }
}

absl::Status SpeedWatch::Compare(int64_t step) {
  ++steps_;
  ++counted_steps_;
  const int32_t window = config_.resilience().straggler_window();
  if (window == 0 || parts_.groups->world->size() == 1 || step % window != 0) {
    return absl::OkStatus();
  }
  // A window that was not whole is not compared with whole ones.
  return std::exchange(steps_, 0) < window ? absl::OkStatus() : CloseWindow();
}

absl::Status SpeedWatch::CloseWindow() {
  Communicator& world = *parts_.groups->world;
  const PassWork now = parts_.engine->runtime().meter().work();
  const PassWork mine = {now.blocks - counted_.blocks,
                         now.seconds - counted_.seconds};
  std::vector<PassWork> all(static_cast<size_t>(world.size()));
  RETURN_IF_ERROR(world.AllGather(&mine, sizeof(mine), all.data()));
  const bool long_enough =
      std::any_of(all.begin(), all.end(), [this](const PassWork& work) {
        return work.seconds >= config_.resilience().straggler_seconds();
      });
  if (!long_enough) return absl::OkStatus();
  counted_ = now;
  const int64_t steps = std::exchange(counted_steps_, 0);
  monitor_.AddWindow(all);
  const double unit = LongestSeconds(all) / static_cast<double>(steps) /
                      monitor_.StepTime(parts_.engine->shares());
  RETURN_IF_ERROR(TellChanges());
  RETURN_IF_ERROR(Adapt());
  Publish(unit);
  return absl::OkStatus();
}

void SpeedWatch::Publish(double unit) {
  if (parts_.board == nullptr) return;
  const int me = parts_.groups->world->rank();
  const std::vector<int64_t>& shares = parts_.engine->shares();
  RankSpeed speed;
  speed.speed = monitor_.speeds()[static_cast<size_t>(me)];
  speed.straggler = monitor_.straggles(me);
  speed.windows = monitor_.slow_windows(me);
  if (speed.straggler) {
    speed.slow_seconds =
        unit * std::max(0.0, monitor_.StepTime(shares) -
                                 monitor_.StepTimeWithout(me, shares));
  }
  parts_.board->SetSpeed(speed);
}

absl::Status SpeedWatch::TellChanges() {
  if (monitor_.changed().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> hosts,
                   AllGatherStrings(*parts_.groups->world, parts_.host));
  for (int rank : monitor_.changed()) {
    const double speed = monitor_.speeds()[static_cast<size_t>(rank)];
    const std::string who =
        absl::StrCat("rank ", rank, " on ", hosts[static_cast<size_t>(rank)]);
    const ResilienceConfig& resilience = config_.resilience();
    RETURN_IF_ERROR(parts_.tell(
        monitor_.straggles(rank)
            ? absl::StrFormat("straggler: %s computes at %.2f of the median "
                              "speed, %d times in a row",
                              who, speed, resilience.straggler_windows())
            : absl::StrFormat("no straggler any more: %s computes at %.2f of "
                              "the median speed",
                              who, speed)));
  }
  return absl::OkStatus();
}

absl::Status SpeedWatch::Adapt() {
  coordinator_ = monitor_.Coordinator(coordinator_);
  parts_.engine->SetSpeeds(coordinator_, monitor_.ReplicaSpeeds());
  if (!config_.resilience().rebalance()) return absl::OkStatus();
  const std::vector<int64_t> before = parts_.engine->shares();
  const auto shares = monitor_.Rebalance(before);
  if (!shares.has_value()) return absl::OkStatus();
  parts_.engine->SetShares(*shares);
  return parts_.tell(absl::StrCat("rebalance: micro-batches of the replicas ",
                                  absl::StrJoin(before, " + "), " -> ",
                                  absl::StrJoin(*shares, " + ")));
}

}  // namespace perdure
