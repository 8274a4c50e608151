#include "launcher/supervisor/debris_sweep.h"

#include <poll.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kReachSeconds = 3;
constexpr int kPollMilliseconds = 10;

}  // namespace

void DebrisSweep::Note(const std::vector<HostSlots>& hosts, uint32_t family) {
  for (const HostSlots& host : hosts) families_[host.host].insert(family);
}

void DebrisSweep::Begin(const std::vector<HostSlots>& hosts) {
  for (const HostSlots& host : hosts) {
    const auto found = families_.find(host.host);
    if (found == families_.end()) continue;
    std::vector<std::string> words = {program_, "sweep"};
    for (const uint32_t family : found->second) {
      words.push_back(absl::StrCat(family));
    }
    absl::StatusOr<ChildProcess> child = ChildProcess::Start(
        RemoteCommand(access_, host.host, kReachSeconds, words), {});
    // Without an ssh there would be no ranks either.
    if (child.ok()) running_.push_back(std::move(*child));
    families_.erase(found);
  }
}

void DebrisSweep::Finish(double seconds) {
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  for (Turn(); !running_.empty() && Clock::now() < deadline; Turn()) {
    poll(nullptr, 0, kPollMilliseconds);
  }
  running_.clear();
}

void DebrisSweep::Turn() {
  std::vector<ChildProcess> still;
  for (ChildProcess& child : running_) {
    if (!child.Poll().has_value()) still.push_back(std::move(child));
  }
  running_ = std::move(still);
}

}  // namespace perdure
