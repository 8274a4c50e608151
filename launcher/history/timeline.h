#ifndef PERDURE_LAUNCHER_HISTORY_TIMELINE_H_
#define PERDURE_LAUNCHER_HISTORY_TIMELINE_H_

// When every step of a run was made. metrics.jsonl says how long each took and
// the events when generations began and ended. Snapshots and journals take time
// that is in no step: between the first step of a generation and its end, where
// both are known, steps are drawn out; otherwise they are laid backwards from
// its end.

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "launcher/supervisor/event_log.h"

namespace perdure {

struct MadeStep {
  int64_t step = 0;
  std::optional<double> loss;  // none: not finite
  double tokens = 0, seconds = 0;
};
// The steps in the text of metrics.jsonl, ascending; other lines are left out.
std::vector<MadeStep> ReadSteps(absl::string_view metrics);

// A generation and the steps that it finished first: those after `before`, up
// to `last`.
struct GenerationSpan {
  int64_t number = 0;
  double from = 0, to = 0;  // unix seconds
  // When the first of them was finished, where an event says so; or 0.
  double first_at = 0;
  int64_t before = 0, last = 0;
};
// `steps_made`: of the run, for a generation that is still going on, to the
// time of the last event.
std::vector<GenerationSpan> GenerationsOf(const std::vector<Event>& events,
                                          int64_t steps_made);

struct TimedStep {
  MadeStep made;
  int64_t generation = 0;
  double unix_seconds = 0;  // when it was finished, about
};
std::vector<TimedStep> PlaceSteps(const std::vector<GenerationSpan>& spans,
                                  const std::vector<MadeStep>& steps);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_HISTORY_TIMELINE_H_
