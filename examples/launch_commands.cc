#include "examples/launch_commands.h"

#include <cstdio>
#include <functional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "launcher/diagnosis/diagnosis.h"
#include "launcher/history/history_page.h"
#include "launcher/history/timeline.h"
#include "launcher/simulate/simulation_report.h"
#include "launcher/simulate/simulation_text.h"
#include "launcher/supervisor/control_server.h"
#include "launcher/supervisor/debris.h"
#include "launcher/supervisor/link_probe.h"
#include "launcher/supervisor/status_text.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

using Words = std::vector<std::string>;

// As grep: nothing found.
constexpr int kNotFound = 1;

void Print(absl::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

absl::Status Usage(const char* line) {
  return absl::InvalidArgumentError(
      absl::StrCat("usage: perdure-launch ", line));
}

// RUN_DIR/launch of a command that takes a run alone.
absl::StatusOr<std::string> LaunchDirectory(const Words& words) {
  if (words.size() != 2) return Usage((words[0] + " RUN_DIR").c_str());
  return JoinPath(words[1], "launch");
}

absl::StatusOr<int> Status(const Words& words, const LaunchCommandOptions&) {
  ASSIGN_OR_RETURN(const std::string directory, LaunchDirectory(words));
  ASSIGN_OR_RETURN(const LaunchStatus status, AskStatus(directory));
  Print(StatusText(status));
  return 0;
}

absl::StatusOr<int> Stop(const Words& words, const LaunchCommandOptions&) {
  ASSIGN_OR_RETURN(const std::string directory, LaunchDirectory(words));
  RETURN_IF_ERROR(SendCommand(directory, CommandRequest::STOP));
  return 0;
}

absl::StatusOr<int> Checkpoint(const Words& words,
                               const LaunchCommandOptions&) {
  ASSIGN_OR_RETURN(const std::string directory, LaunchDirectory(words));
  RETURN_IF_ERROR(SendCommand(directory, CommandRequest::CHECKPOINT));
  return 0;
}

// Tells where the page is.
absl::Status WritePage(const std::string& run_dir, const std::string& path,
                       const std::vector<Event>& events) {
  // Not there before the first step.
  const absl::StatusOr<std::string> metrics =
      ReadFile(JoinPath(run_dir, "metrics.jsonl"));
  if (!metrics.ok() && !absl::IsNotFound(metrics.status())) {
    return metrics.status();
  }
  const std::vector<MadeStep> made = ReadSteps(metrics.value_or(""));
  const auto spans = GenerationsOf(events, made.empty() ? 0 : made.back().step);
  RETURN_IF_ERROR(WriteFileAtomically(
      path, HistoryPage(run_dir, events, PlaceSteps(spans, made))));
  Print(absl::StrCat(path, "\n"));
  return absl::OkStatus();
}

absl::StatusOr<int> History(const Words& words,
                            const LaunchCommandOptions& options) {
  ASSIGN_OR_RETURN(const std::string directory, LaunchDirectory(words));
  ASSIGN_OR_RETURN(const std::vector<Event> events, ReadEvents(directory));
  if (options.html || !options.output.empty()) {
    RETURN_IF_ERROR(WritePage(words[1],
                              options.output.empty()
                                  ? JoinPath(directory, "history.html")
                                  : options.output,
                              events));
    return 0;
  }
  Print(HistoryText(events));
  return 0;
}

absl::Status TakeFile(const std::string& path, Diagnoser* diagnoser) {
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  const absl::string_view text(reinterpret_cast<const char*>(file.data()),
                               file.size());
  int64_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    diagnoser->Take(absl::StrCat(path, ":", ++number), line);
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Diagnose(const Words& words,
                             const LaunchCommandOptions& options) {
  if (words.size() < 2) return Usage("diagnose [--rules FILE] LOG...");
  ASSIGN_OR_RETURN(const RuleBook rules, RuleBook::Load(options.rules));
  Diagnoser diagnoser(&rules);
  for (size_t i = 1; i < words.size(); ++i) {
    RETURN_IF_ERROR(TakeFile(words[i], &diagnoser));
  }
  const Diagnosis diagnosis = diagnoser.Conclude({});
  Print(DiagnosisText(diagnosis));
  return diagnosis.known() ? 0 : kNotFound;
}

absl::StatusOr<int> Rules(const Words& words, const LaunchCommandOptions&) {
  if (words.size() != 1) return Usage("rules");
  Print(ShippedRulesText());
  return 0;
}

// The ends of a probe between two hosts: this program, started there.
absl::StatusOr<double> ProbeSeconds(const Words& words) {
  double seconds = 0;
  if (words.size() < 2 || !absl::SimpleAtod(words[1], &seconds)) {
    return Usage((words[0] + " SECONDS ...").c_str());
  }
  return seconds;
}

absl::StatusOr<int> ProbeServe(const Words& words,
                               const LaunchCommandOptions&) {
  ASSIGN_OR_RETURN(const double seconds, ProbeSeconds(words));
  RETURN_IF_ERROR(ServeLinkProbe(seconds, [](int port) {
    std::printf("port %d\n", port);
    std::fflush(stdout);
  }));
  return 0;
}

absl::StatusOr<int> ProbeReach(const Words& words,
                               const LaunchCommandOptions&) {
  ASSIGN_OR_RETURN(const double seconds, ProbeSeconds(words));
  Print(ReachedText(ReachPeers({words.begin() + 2, words.end()}, seconds)));
  return 0;
}

// On a host that a lost generation ran on.
absl::StatusOr<int> Sweep(const Words& words, const LaunchCommandOptions&) {
  for (size_t i = 1; i < words.size(); ++i) {
    uint32_t family = 0;
    if (!absl::SimpleAtoi(words[i], &family)) return Usage("sweep FAMILY...");
    RemoveDebris(family);
  }
  return 0;
}

absl::StatusOr<int> SimulateRun(const Words& words,
                                const LaunchCommandOptions&) {
  ASSIGN_OR_RETURN(const Simulation simulation,
                   ReadSimulation({words.begin() + 1, words.end()}));
  Print(SimulationReport(simulation));
  return 0;
}

struct Command {
  const char* name;
  absl::StatusOr<int> (*run)(const Words& words,
                             const LaunchCommandOptions& options);
};
constexpr Command kCommands[] = {
    {"status", Status},
    {"stop", Stop},
    {"checkpoint", Checkpoint},
    {"history", History},
    {"diagnose", Diagnose},
    {"rules", Rules},
    {"probe-serve", ProbeServe},
    {"probe-reach", ProbeReach},
    {"sweep", Sweep},
    {"simulate", SimulateRun},
};

}  // namespace

absl::StatusOr<int> RunLaunchCommand(const Words& words,
                                     const LaunchCommandOptions& options) {
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (words[0] == command.name) return command.run(words, options);
    names.push_back(command.name);
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown command ", words[0],
                                                 DidYouMean(words[0], names),
                                                 "; a trainer comes after --"));
}

}  // namespace perdure
