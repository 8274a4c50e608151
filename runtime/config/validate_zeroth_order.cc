#include "absl/strings/str_cat.h"
#include "runtime/config/problems.h"

namespace perdure {
namespace {

void CheckSpread(const ZerothOrderConfig& config, Problems* problems) {
  if (!config.divide_by_spread()) return;
  if (config.directions() < 2) {
    problems->Add("zeroth_order.divide_by_spread",
                  absl::StrCat("true with ", config.directions(),
                               " direction, whose loss has no spread; give "
                               "zeroth_order.directions, 8 for a start"));
  }
  if (config.estimator() != ZerothOrderConfig::ONE_SIDED) {
    problems->Add("zeroth_order.divide_by_spread",
                  "true is made for one-sided estimates; add "
                  "zeroth_order.estimator: ONE_SIDED");
  }
}

}  // namespace

void ValidateZerothOrder(const RunConfig& config, Problems* problems) {
  if (config.train().method() != TrainConfig::ZEROTH_ORDER) return;
  constexpr int kMostDirections = 1 << 16;
  const ZerothOrderConfig& zeroth = config.zeroth_order();
  problems->RequirePositive("zeroth_order.eps", zeroth.eps());
  problems->RequireWithin("zeroth_order.directions", zeroth.directions(), 1,
                          kMostDirections);
  CheckSpread(zeroth, problems);
  if (zeroth.eps_is_lr() && config.optim().warmup_steps() > 0) {
    problems->Add("zeroth_order.eps_is_lr",
                  "true with optim.warmup_steps > 0 would start with no "
                  "perturbation to speak of; set optim.warmup_steps: 0");
  }
}

}  // namespace perdure
