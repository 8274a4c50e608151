#include "launcher/supervisor/incident.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace perdure {
namespace {

// Of many ranks a few tell enough.
constexpr size_t kRanksShown = 8;

}  // namespace

std::string IncidentText(const Incident& incident) {
  const Verdict& verdict = *incident.cause.verdict;
  std::string text = absl::StrFormat(
      "incident %d: %s in generation %d, at step %d\n", incident.number,
      FaultName(verdict.fault), incident.generation, verdict.step);
  absl::StrAppend(&text, "  when      ", incident.time, ", known after ",
                  absl::StrFormat("%.2f s", incident.detected_after), "\n");
  absl::StrAppend(&text, "  what      ", verdict.what, "\n");
  absl::StrAppend(
      &text, "  who       ",
      verdict.ranks.empty()
          ? "unknown"
          : absl::StrCat("rank ", absl::StrJoin(verdict.ranks, ", ")),
      verdict.hosts.empty()
          ? ""
          : absl::StrCat(" on ", absl::StrJoin(verdict.hosts, ", ")),
      "\n");
  for (const std::string& line : incident.evidence) {
    absl::StrAppend(&text, "  evidence  ", line, "\n");
  }
  for (size_t i = 0; i < incident.ranks.size(); ++i) {
    if (i == kRanksShown) {
      absl::StrAppend(&text, "            and ",
                      incident.ranks.size() - kRanksShown, " more ranks\n");
      break;
    }
    absl::StrAppend(&text, i == 0 ? "  ranks     " : "            ",
                    incident.ranks[i], "\n");
  }
  absl::StrAppend(&text, "  finished  ", incident.finished_step, " steps\n");
  absl::StrAppend(&text, "  action    ", incident.decision.why, "\n");
  return text;
}

std::vector<std::string> PickEvidence(const std::vector<std::string>& lines,
                                      size_t most) {
  std::vector<std::string> picked;
  for (const std::string& line : lines) {
    const bool tells = absl::StartsWith(line, "perdure: error") ||
                       absl::StrContains(line, "Check failed") ||
                       absl::StrContains(line, "terminate called") ||
                       absl::StrContains(line, "AddressSanitizer") ||
                       absl::StrContains(line, "Out of memory: Killed") ||
                       absl::StrContains(line, "Signal:");
    if (tells && picked.size() < most) picked.push_back(line);
  }
  return picked;
}

}  // namespace perdure
