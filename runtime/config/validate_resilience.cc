#include "absl/strings/str_cat.h"
#include "runtime/config/problems.h"

namespace perdure {
namespace {

void CheckSpikes(const ResilienceConfig& resilience, Problems* problems) {
  const double factor = resilience.spike_factor();
  if (factor != 0 && !(factor > 1)) {
    problems->Add("resilience.spike_factor",
                  absl::StrCat(factor,
                               " would make ordinary losses spikes; give more "
                               "than 1, or 0 to switch it off"));
  }
  problems->RequireWithin("resilience.spike_window", resilience.spike_window(),
                          3, 100000);
  problems->RequireWithin("resilience.spike_steps", resilience.spike_steps(), 1,
                          1000);
  problems->RequireAtLeast("resilience.spike_back_steps",
                           resilience.spike_back_steps(), 0);
  problems->RequireAtLeast("resilience.max_rollbacks",
                           resilience.max_rollbacks(), 0);
}

// Whoever is free computes these tasks: a rank that repeats a step would
// compute others and find itself guilty.
void CheckRepeats(const ResilienceConfig& resilience, Problems* problems) {
  if (!resilience.repeat_bad_steps() && resilience.repeat_every_steps() <= 0) {
    return;
  }
  const char* path = resilience.repeat_bad_steps()
                         ? "resilience.repeat_bad_steps"
                         : "resilience.repeat_every_steps";
  const char* other = resilience.backup_probes()         ? "backup_probes"
                      : resilience.gradient_coding() > 0 ? "gradient_coding"
                                                         : nullptr;
  if (other == nullptr) return;
  problems->Add(path, absl::StrCat("a repeated step must be computed by the "
                                   "same ranks, which resilience.",
                                   other, " leaves open; give one of them"));
}

}  // namespace

void ValidateResilience(const RunConfig& config, Problems* problems) {
  const ResilienceConfig& resilience = config.resilience();
  problems->RequireAtLeast("resilience.check_every_steps",
                           resilience.check_every_steps(), 0);
  problems->RequireAtLeast("resilience.repeat_every_steps",
                           resilience.repeat_every_steps(), 0);
  CheckRepeats(resilience, problems);
  CheckSpikes(resilience, problems);
  for (int i = 0; i < resilience.skip_size(); ++i) {
    const SampleRange& range = resilience.skip(i);
    const std::string path = absl::StrCat("resilience.skip[", i, "]");
    if (!range.has_first() || !range.has_last()) {
      problems->Add(path, "has only one end; give first and last");
    } else if (range.first() < 0 || range.last() < range.first()) {
      problems->Add(path, absl::StrCat(range.first(), " to ", range.last(),
                                       " is no range of samples; the first "
                                       "is 0, and last is included"));
    }
  }
}

}  // namespace perdure
