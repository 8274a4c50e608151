#include "launcher/supervisor/launch_plan.h"

#include "absl/strings/str_cat.h"
#include "launcher/supervisor/layout_choice.h"
#include "launcher/supervisor/placer.h"

namespace perdure {

absl::StatusOr<std::string> LaunchPlanText(const LaunchOptions& options) {
  RETURN_IF_ERROR(CheckLaunchOptions(options));
  Placer placer(options);
  const int least = options.min_ranks > 0 ? options.min_ranks : options.ranks;
  std::string text;
  for (int ranks = options.ranks; ranks >= least; --ranks) {
    const LayoutTable* table = placer.Table(ranks);
    if (table == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the trainer tells no layouts: ", placer.tables().problem()));
    }
    absl::StrAppend(&text, LayoutTableText(*table, placer.Rule()), "\n");
  }
  return absl::StrCat(
      text, placer.tables().measured()
                ? "speeds as the run's ranks have measured them\n"
                : "speeds are assumed: the run has not measured any yet\n");
}

}  // namespace perdure
