#ifndef PERDURE_LAUNCHER_HISTORY_HISTORY_PAGE_H_
#define PERDURE_LAUNCHER_HISTORY_HISTORY_PAGE_H_

// The history of a run as one HTML page that needs nothing else: loss,
// throughput, generations and incidents over time.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "launcher/history/timeline.h"
#include "launcher/supervisor/event_log.h"

namespace perdure {

// The page without its data, as it is compiled in.
absl::string_view HistoryPageTemplate();

// `name`: what to call the run. Any text of logs may be in `events`: it cannot
// leave the data's place in the page.
std::string HistoryPage(absl::string_view name,
                        const std::vector<Event>& events,
                        const std::vector<TimedStep>& steps);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_HISTORY_HISTORY_PAGE_H_
