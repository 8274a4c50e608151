#include "runtime/state/train_state.h"

namespace perdure {

const char* StateKindName(StateKind kind) {
  switch (kind) {
    case StateKind::kWeight:
      return "weight";
    case StateKind::kMaster:
      return "master";
    case StateKind::kMoment1:
      return "exp_avg";
    case StateKind::kMoment2:
      return "exp_avg_sq";
  }
  return "?";
}

}  // namespace perdure
