#include "launcher/supervisor/incident.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "launcher/supervisor/detector.h"

namespace perdure {
namespace {

// Of many ranks a few tell enough; the JSON has all.
constexpr size_t kRanksShown = 4;
constexpr size_t kNamesShown = 16;
using Json = nlohmann::ordered_json;

// "1, 2, 5", cut where it is long.
template <typename Values>
std::string List(const Values& values) {
  const size_t shown = std::min(values.size(), kNamesShown);
  std::string text = absl::StrJoin(
      values.begin(), values.begin() + static_cast<long>(shown), ", ");
  if (shown < values.size()) {
    absl::StrAppend(&text, " and ", values.size() - shown, " more");
  }
  return text;
}

std::string Who(const Verdict& verdict) {
  if (verdict.ranks.empty() && verdict.hosts.empty()) return "unknown";
  std::string text;
  if (!verdict.ranks.empty()) {
    text = absl::StrCat("rank ", List(verdict.ranks));
  }
  if (!verdict.hosts.empty()) {
    absl::StrAppend(&text, text.empty() ? "" : " on ", List(verdict.hosts));
  }
  return text;
}

void AppendRanks(const std::vector<RankMoment>& ranks, std::string* text) {
  std::vector<const RankMoment*> order;
  for (const RankMoment& rank : ranks) order.push_back(&rank);
  std::stable_sort(order.begin(), order.end(),
                   [](const RankMoment* a, const RankMoment* b) {
                     return a->guilty > b->guilty;
                   });
  for (size_t i = 0; i < std::min(order.size(), kRanksShown); ++i) {
    absl::StrAppend(text, i == 0 ? "  ranks     " : "            ",
                    order[i]->doing, "\n");
  }
  if (order.size() > kRanksShown) {
    absl::StrAppend(text, "            and ", order.size() - kRanksShown,
                    " more\n");
  }
}

Json RanksJson(const std::vector<RankMoment>& ranks) {
  Json json = Json::array();
  for (const RankMoment& rank : ranks) {
    Json one = {{"rank", rank.rank},     {"host", rank.host},
                {"phase", rank.phase},   {"step", rank.step},
                {"guilty", rank.guilty}, {"doing", rank.doing}};
    if (rank.in_collective) {
      one["group"] = rank.group;
      one["operation"] = rank.operation;
      one["sequence"] = rank.sequence;
    }
    json.push_back(std::move(one));
  }
  return json;
}

Json RecoveryJson(const std::optional<Recovery>& recovery) {
  if (!recovery.has_value()) return nullptr;
  return {{"step", recovery->step},
          {"steps_lost", recovery->steps_lost},
          {"seconds", recovery->seconds},
          {"detect_seconds", recovery->detect_seconds},
          {"kill_seconds", recovery->kill_seconds},
          {"probe_seconds", recovery->probe_seconds},
          {"start_seconds", recovery->start_seconds},
          {"load_seconds", recovery->load_seconds},
          {"step_seconds", recovery->step_seconds},
          {"effective_training_time_ratio", recovery->effective_ratio}};
}

}  // namespace

std::vector<RankMoment> MomentsOf(const RankTable& table,
                                  const Verdict& verdict, double now) {
  std::vector<RankMoment> moments;
  for (int r = 0; r < static_cast<int>(table.ranks().size()); ++r) {
    const RankStatus& status = table.ranks()[static_cast<size_t>(r)];
    RankMoment moment;
    moment.rank = r;
    moment.doing = DescribeRank(table, r, now);
    if (status.heard) {
      moment.host = status.last.host();
      moment.phase = PhaseName(status.phase());
      moment.step = status.last.step();
      moment.in_collective = status.last.in_collective();
      moment.group = status.last.group();
      moment.operation = status.last.operation();
      moment.sequence = status.last.sequence();
    }
    moments.push_back(std::move(moment));
  }
  for (const int rank : verdict.ranks) {
    if (rank >= 0 && rank < static_cast<int>(moments.size())) {
      moments[static_cast<size_t>(rank)].guilty = true;
    }
  }
  return moments;
}

std::string IncidentText(const Incident& incident) {
  const Verdict& verdict = incident.verdict;
  const DiagnosisRule& rule = incident.diagnosis.rule;
  std::string text = absl::StrFormat(
      "incident %d: %s in generation %d, at step %d\n", incident.number,
      FaultName(verdict.fault), incident.generation, verdict.step);
  absl::StrAppendFormat(&text, "  when      %s, known after %.2f s\n",
                        incident.time, incident.detected_after);
  absl::StrAppend(&text, "  what      ", verdict.what, "\n");
  absl::StrAppend(
      &text, "  cause     ", rule.cause(),
      rule.name().empty() ? "" : absl::StrCat(" (", rule.name(), ")"),
      "\n  who       ", Who(verdict), "\n");
  if (!incident.diagnosis.evidence.empty()) {
    absl::StrAppend(&text, "  evidence  ", incident.diagnosis.origin, ": ",
                    incident.diagnosis.evidence, "\n");
  }
  AppendRanks(incident.ranks, &text);
  absl::StrAppend(&text, "  finished  ", incident.finished_step, " steps\n",
                  "  action    ", incident.decision.why, "\n  remedy    ",
                  rule.remedy(), "\n");
  if (incident.recovery.has_value()) {
    absl::StrAppendFormat(
        &text,
        "  after     %.2f s at step %d, %d steps lost; effective training "
        "time ratio so far %.4f\n",
        incident.recovery->seconds, incident.recovery->step,
        incident.recovery->steps_lost, incident.recovery->effective_ratio);
  }
  return text;
}

std::string IncidentJson(const Incident& incident) {
  const Verdict& verdict = incident.verdict;
  const DiagnosisRule& rule = incident.diagnosis.rule;
  const Json json = {
      {"number", incident.number},
      {"generation", incident.generation},
      {"time", incident.time},
      {"fault", FaultName(verdict.fault)},
      {"what", verdict.what},
      {"step", verdict.step},
      {"finished_step", incident.finished_step},
      {"detect_seconds", incident.detected_after},
      {"exit_code", incident.exit_code},
      {"signal", incident.signal},
      {"rule", rule.name()},
      {"class", DiagnosisRule::Class_Name(rule.class_())},
      {"cause", rule.cause()},
      {"remedy", rule.remedy()},
      {"retry", DiagnosisRule::Retry_Name(rule.retry())},
      {"blame", DiagnosisRule::Blame_Name(rule.blame())},
      {"guilty_ranks", verdict.ranks},
      {"guilty_hosts", verdict.hosts},
      {"evidence", incident.diagnosis.evidence},
      {"evidence_from", incident.diagnosis.origin},
      {"also", incident.diagnosis.also},
      {"restart", incident.decision.restart},
      {"action", incident.decision.why},
      {"ranks", RanksJson(incident.ranks)},
      {"recovery", RecoveryJson(incident.recovery)},
  };
  // Output of programs may be any bytes.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace perdure
