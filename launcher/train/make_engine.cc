#include "launcher/train/make_engine.h"

#include "parallel/engine/first_order_engine.h"
#include "parallel/zeroth_order/zeroth_order_engine.h"

namespace perdure {

absl::StatusOr<std::unique_ptr<TrainEngine>> MakeEngine(
    const RunConfig& config, int64_t max_rows, const ProcessGroups* groups,
    Device* device, Trace* trace) {
  if (config.train().method() == TrainConfig::ZEROTH_ORDER) {
    return ZerothOrderEngine::Create(config, max_rows, groups, device, trace,
                                     &BestZerothOrderKernels());
  }
  return FirstOrderEngine::Create(config, max_rows, groups, device, trace);
}

}  // namespace perdure
