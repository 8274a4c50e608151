#include "launcher/history/timeline.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "launcher/supervisor/verdict.h"

namespace perdure {
namespace {

double NumberOr(const nlohmann::json& object, const char* name, double other) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>()
                                                     : other;
}

void EndAt(double time, int64_t last, GenerationSpan* span) {
  span->to = std::max(span->from, time);
  span->last = std::max(span->before, last);
}

}  // namespace

std::vector<MadeStep> ReadSteps(absl::string_view metrics) {
  std::vector<MadeStep> steps;
  for (const absl::string_view line : absl::StrSplit(metrics, '\n')) {
    const nlohmann::json object =
        nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
    if (!object.is_object() || !object.contains("loss") ||
        !object.contains("step") || !object["step"].is_number_integer()) {
      continue;
    }
    MadeStep step;
    step.step = object["step"].get<int64_t>();
    if (!steps.empty() && step.step <= steps.back().step) continue;
    if (object["loss"].is_number()) step.loss = object["loss"].get<double>();
    step.tokens = NumberOr(object, "tokens", 0);
    step.seconds = std::max(0.0, NumberOr(object, "seconds", 0));
    steps.push_back(step);
  }
  return steps;
}

std::vector<GenerationSpan> GenerationsOf(const std::vector<Event>& events,
                                          int64_t steps_made) {
  std::vector<GenerationSpan> spans;
  bool open = false;
  int64_t finished = 0;
  const auto close = [&](double time, int64_t last) {
    if (!open) return;
    EndAt(time, last, &spans.back());
    finished = spans.back().last;
    open = false;
  };
  for (const Event& event : events) {
    if (event.kind == "generation") {
      // One that ended in order to go on elsewhere leaves no other event.
      const auto moved =
          std::find_if(events.begin(), events.end(), [&](const Event& later) {
            return later.kind == "moved" &&
                   later.Number("generation") == event.Number("generation");
          });
      close(event.unix_seconds,
            moved == events.end()
                ? finished
                : static_cast<int64_t>(moved->Number("step")) - 1);
      GenerationSpan span;
      span.number = static_cast<int64_t>(event.Number("generation"));
      span.from = span.to = event.unix_seconds;
      span.before = span.last = finished;
      spans.push_back(span);
      open = true;
    } else if (event.kind == "recovered" || event.kind == "moved") {
      if (open) spans.back().first_at = event.unix_seconds;
    } else if (event.kind == "incident" &&
               event.Text("fault") != FaultName(Fault::kStraggler)) {
      close(event.unix_seconds - event.Number("detect_seconds"),
            static_cast<int64_t>(event.Number("step")) - 1);
    } else if (event.kind == "end") {
      close(event.unix_seconds, static_cast<int64_t>(event.Number("steps")));
    }
  }
  if (!events.empty()) close(events.back().unix_seconds, steps_made);
  return spans;
}

std::vector<TimedStep> PlaceSteps(const std::vector<GenerationSpan>& spans,
                                  const std::vector<MadeStep>& steps) {
  std::vector<TimedStep> placed;
  auto next = steps.begin();
  for (const GenerationSpan& span : spans) {
    while (next != steps.end() && next->step <= span.before) ++next;
    const auto first = next;
    double seconds = 0;
    for (; next != steps.end() && next->step <= span.last; ++next) {
      seconds += next->seconds;
    }
    const bool known = span.first_at > span.from && span.first_at < span.to;
    if (known && first != next) seconds -= first->seconds;
    const double room = span.to - (known ? span.first_at : span.from);
    // Without a known beginning: drawn together only, where steps that were
    // made twice do not fit.
    double scale = seconds > 0 ? room / seconds : 0;
    if (!known) scale = std::min(scale, 1.0);
    double time = known ? span.first_at : span.to - scale * seconds;
    for (auto made = first; made != next; ++made) {
      if (!known || made != first) time += scale * made->seconds;
      placed.push_back({*made, span.number, time});
    }
  }
  return placed;
}

}  // namespace perdure
