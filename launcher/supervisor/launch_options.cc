#include "launcher/supervisor/launch_options.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "launcher/supervisor/layout_choice.h"

namespace perdure {
namespace {

// "--name" or "-name", as gflags takes both; "" if it is no flag.
absl::string_view FlagName(absl::string_view word) {
  if (!absl::ConsumePrefix(&word, "-")) return "";
  absl::ConsumePrefix(&word, "-");
  return word.substr(0, word.find('='));
}

}  // namespace

absl::StatusOr<std::string> RunDirOf(const std::vector<std::string>& trainer) {
  std::string run_dir;
  for (size_t i = 1; i < trainer.size(); ++i) {
    const absl::string_view name = FlagName(trainer[i]);
    if (name == "force") {
      return absl::InvalidArgumentError(
          "--force among the trainer's arguments: it would rename the run's "
          "directory under the running launch; rename or remove it yourself");
    }
    if (name != "run_dir") continue;
    const size_t equals = trainer[i].find('=');
    if (equals != std::string::npos) {
      run_dir = trainer[i].substr(equals + 1);
    } else if (i + 1 < trainer.size()) {
      run_dir = trainer[++i];
    }
  }
  if (run_dir.empty()) {
    return absl::InvalidArgumentError(
        "the trainer's arguments name no --run_dir; its snapshots and journal "
        "are what a restart goes on from");
  }
  return run_dir;
}

std::vector<std::string> TrainerCommand(const LaunchOptions& options,
                                        const std::optional<Layout>& layout,
                                        bool resume) {
  std::vector<std::string> command = options.trainer;
  const bool given = std::any_of(
      command.begin() + 1, command.end(),
      [](const std::string& word) { return FlagName(word) == "resume"; });
  if (resume && !given) command.push_back("--resume");
  if (layout.has_value()) {
    const std::vector<std::string> degrees = LayoutArguments(*layout);
    command.insert(command.end(), degrees.begin(), degrees.end());
  }
  return command;
}

absl::StatusOr<MoveWhen> ParseMoveWhen(absl::string_view flag,
                                       absl::string_view text) {
  if (text == "pays") return MoveWhen::kPays;
  if (text == "always") return MoveWhen::kAlways;
  if (text == "never") return MoveWhen::kNever;
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, " '", text, "': give pays, always or never"));
}

absl::Status CheckLaunchOptions(const LaunchOptions& options) {
  if (options.trainer.empty()) {
    return absl::InvalidArgumentError(
        "no program to start; usage: perdure-launch -n RANKS -- TRAINER "
        "ARGUMENTS...");
  }
  if (options.ranks < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("-n ", options.ranks,
                     ": give the number of ranks, 1 or "
                     "more"));
  }
  if (options.min_ranks < 0 || options.min_ranks > options.ranks) {
    return absl::InvalidArgumentError(
        absl::StrCat("--min ", options.min_ranks, ": give 1 to ", options.ranks,
                     ", the ranks of -n"));
  }
  int slots = 0;
  for (const HostSlots& host : options.hosts) slots += host.slots;
  if (!options.hosts.empty() && slots < options.ranks) {
    return absl::InvalidArgumentError(absl::StrCat(
        "-n ", options.ranks, ": the hosts have ", slots, " slots"));
  }
  if (options.hosts.size() > 1 && options.listen == "127.0.0.1") {
    return absl::InvalidArgumentError(
        "--hosts with several hosts needs --listen ADDRESS: this machine's, as "
        "the hosts see it");
  }
  if (!(options.beat_seconds > 0) ||
      !(options.budgets.silence_seconds > 2 * options.beat_seconds) ||
      !(options.lease_seconds > options.budgets.silence_seconds)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--beat ", options.beat_seconds, ", --silence ",
        options.budgets.silence_seconds, ", --lease ", options.lease_seconds,
        ": each must be longer than the one before, silence by twice"));
  }
  return absl::OkStatus();
}

}  // namespace perdure
