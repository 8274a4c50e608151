#include "launcher/control/launch_environment.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

constexpr char kAddress[] = "PERDURE_LAUNCH_ADDRESS";
constexpr char kKey[] = "PERDURE_LAUNCH_KEY";
constexpr char kGeneration[] = "PERDURE_LAUNCH_GENERATION";
constexpr char kBeat[] = "PERDURE_LAUNCH_BEAT_SECONDS";
constexpr char kLease[] = "PERDURE_LAUNCH_LEASE_SECONDS";
constexpr char kOnePerNode[] = "PERDURE_LAUNCH_ONE_PER_NODE";

absl::Status Wrong(const char* name, const char* value) {
  return absl::InvalidArgumentError(
      absl::StrCat(name, "='", value == nullptr ? "" : value,
                   "' is not what perdure-launch sets; unset it to run "
                   "without perdure-launch"));
}

}  // namespace

absl::StatusOr<std::optional<LaunchEnvironment>> ReadLaunchEnvironment(
    const std::function<const char*(const char*)>& lookup) {
  const char* address = lookup(kAddress);
  if (address == nullptr) return std::nullopt;
  const char* hex = lookup(kKey);
  const absl::StatusOr<JobKey> key = JobKey::FromHex(hex == nullptr ? "" : hex);
  // The key stays secret, also a wrong one.
  if (!key.ok()) return Wrong(kKey, nullptr);
  LaunchEnvironment environment{address, *key};
  const char* generation = lookup(kGeneration);
  if (generation == nullptr ||
      !absl::SimpleAtoi(generation, &environment.generation) ||
      environment.generation < 1) {
    return Wrong(kGeneration, generation);
  }
  for (const auto& [name, seconds] :
       {std::pair(kBeat, &environment.beat_seconds),
        std::pair(kLease, &environment.lease_seconds)}) {
    const char* value = lookup(name);
    if (value == nullptr || !absl::SimpleAtod(value, seconds) ||
        !(*seconds > 0)) {
      return Wrong(name, value);
    }
  }
  const char* one_per_node = lookup(kOnePerNode);
  if (one_per_node == nullptr ||
      !absl::SimpleAtob(one_per_node, &environment.one_per_node)) {
    return Wrong(kOnePerNode, one_per_node);
  }
  return environment;
}

std::vector<std::pair<std::string, std::string>> LaunchVariables(
    const LaunchEnvironment& environment) {
  return {{kAddress, environment.address},
          {kKey, environment.key.ToHex()},
          {kGeneration, absl::StrCat(environment.generation)},
          {kBeat, absl::StrCat(environment.beat_seconds)},
          {kLease, absl::StrCat(environment.lease_seconds)},
          {kOnePerNode, environment.one_per_node ? "1" : "0"}};
}

}  // namespace perdure
