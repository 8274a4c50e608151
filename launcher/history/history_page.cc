#include "launcher/history/history_page.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "launcher/supervisor/verdict.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

using Json = nlohmann::ordered_json;

// More points than pixels tell no more.
constexpr size_t kPoints = 2000;

// The mean of neighbours where there are too many; none that is in two
// generations.
std::vector<TimedStep> Thin(const std::vector<TimedStep>& steps) {
  const size_t each = steps.size() / kPoints + 1;
  std::vector<TimedStep> thin;
  for (size_t begin = 0; begin < steps.size();) {
    size_t end = begin;
    TimedStep mean = steps[begin];
    double loss = 0, tokens = 0, seconds = 0;
    int finite = 0;
    for (; end < std::min(begin + each, steps.size()) &&
           steps[end].generation == mean.generation;
         ++end) {
      mean.made.step = steps[end].made.step;
      mean.unix_seconds = steps[end].unix_seconds;
      tokens += steps[end].made.tokens;
      seconds += steps[end].made.seconds;
      if (!steps[end].made.loss.has_value()) continue;
      loss += *steps[end].made.loss;
      ++finite;
    }
    const auto count = static_cast<double>(end - begin);
    mean.made.tokens = tokens / count;
    mean.made.seconds = seconds / count;
    mean.made.loss.reset();
    if (finite > 0) mean.made.loss = loss / finite;
    thin.push_back(mean);
    begin = end;
  }
  return thin;
}

Json StepsJson(const std::vector<TimedStep>& steps) {
  Json json = Json::array();
  for (const TimedStep& step : Thin(steps)) {
    const MadeStep& made = step.made;
    Json one = {{"step", made.step},
                {"time", step.unix_seconds},
                {"generation", step.generation},
                {"seconds", made.seconds},
                {"loss", nullptr},
                {"rate", nullptr}};
    if (made.loss.has_value()) one["loss"] = *made.loss;
    if (made.seconds > 0) one["rate"] = made.tokens / made.seconds;
    json.push_back(std::move(one));
  }
  return json;
}

Json GenerationsJson(const std::vector<GenerationSpan>& spans,
                     const std::vector<TimedStep>& steps) {
  Json json = Json::array();
  for (const GenerationSpan& span : spans) {
    const auto first =
        std::find_if(steps.begin(), steps.end(), [&](const TimedStep& step) {
          return step.generation == span.number &&
                 step.unix_seconds >= span.from && step.unix_seconds <= span.to;
        });
    json.push_back({{"number", span.number},
                    {"trains", first == steps.end()
                                   ? span.to
                                   : first->unix_seconds - first->made.seconds},
                    {"to", span.to}});
  }
  return json;
}

Json IncidentsJson(const std::vector<Event>& events) {
  Json json = Json::array();
  for (const Event& event : events) {
    if (event.kind == "incident") {
      json.push_back(
          {{"number", event.Number("number")},
           {"time", event.unix_seconds - event.Number("detect_seconds")},
           {"step", event.Number("step")},
           {"fault", event.Text("fault")},
           {"what", event.Text("what")},
           {"cause", event.Text("cause")},
           {"detect", event.Number("detect_seconds")},
           {"recovered", nullptr},
           {"lost", nullptr},
           {"text", event.Text("text")}});
    } else if (event.kind == "recovered") {
      // From the last that ended a generation: a slow rank ends none.
      const auto ended =
          std::find_if(json.rbegin(), json.rend(), [](const Json& incident) {
            return incident["fault"] != FaultName(Fault::kStraggler);
          });
      if (ended == json.rend()) continue;
      (*ended)["recovered"] = event.Number("seconds");
      (*ended)["lost"] = event.Number("steps_lost");
    }
  }
  return json;
}

struct Totals {
  double running = 0, lost = 0, steps_lost = 0;
  int incidents = 0;
};

Totals Sum(const std::vector<Event>& events) {
  Totals totals;
  double began = 0;
  for (const Event& event : events) {
    if (event.kind == "launch") began = event.unix_seconds;
    if (event.kind == "incident") ++totals.incidents;
    if (event.kind == "recovered" || event.kind == "moved") {
      totals.lost += event.Number("seconds");
      totals.steps_lost += event.Number("steps_lost");
    }
    if (event.kind == "end" && began > 0) {
      totals.running += event.unix_seconds - began;
      began = 0;
    }
  }
  if (began > 0) totals.running += events.back().unix_seconds - began;
  return totals;
}

Json FactsJson(const Totals& totals, const std::vector<TimedStep>& steps) {
  Json facts = Json::array();
  const auto add = [&](const char* name, const std::string& value) {
    facts.push_back({name, value});
  };
  add("steps", WithCommas(steps.empty() ? 0 : steps.back().made.step));
  if (!steps.empty() && steps.back().made.loss.has_value()) {
    add("last loss", absl::StrFormat("%.4f", *steps.back().made.loss));
  }
  add("incidents", absl::StrCat(totals.incidents));
  add("steps lost", WithCommas(static_cast<int64_t>(totals.steps_lost)));
  add("time lost", absl::StrFormat("%.1f s", totals.lost));
  if (totals.running > 0) {
    add("effective training time",
        absl::StrFormat("%.2f %%",
                        100 * std::max(0.0, 1 - totals.lost / totals.running)));
  }
  return facts;
}

}  // namespace

std::string HistoryPage(absl::string_view name,
                        const std::vector<Event>& events,
                        const std::vector<TimedStep>& steps) {
  const int64_t made = steps.empty() ? 0 : steps.back().made.step;
  const std::vector<GenerationSpan> spans = GenerationsOf(events, made);
  const Totals totals = Sum(events);
  const double from = events.empty() ? 0 : events.front().unix_seconds;
  const double to = events.empty() ? 1 : events.back().unix_seconds;
  const Json data = {
      {"name", std::string(name)},
      {"lead", absl::StrCat(spans.size(), " generations in ",
                            HumanDuration(totals.running))},
      {"from", from},
      {"to", to},
      {"facts", FactsJson(totals, steps)},
      {"generations", GenerationsJson(spans, steps)},
      {"incidents", IncidentsJson(events)},
      {"steps", StepsJson(steps)},
  };
  // JSON may hold any text; "<" as an escape cannot end the script element.
  const std::string text = absl::StrReplaceAll(
      data.dump(-1, ' ', false, Json::error_handler_t::replace),
      {{"<", "\\u003c"}});
  return absl::StrReplaceAll(HistoryPageTemplate(), {{"{{DATA}}", text}});
}

}  // namespace perdure
