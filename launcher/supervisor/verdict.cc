#include "launcher/supervisor/verdict.h"

namespace perdure {

const char* FaultName(Fault fault) {
  switch (fault) {
    case Fault::kCrash:
      return "crash";
    case Fault::kStart:
      return "start";
    case Fault::kNodeSilent:
      return "node silent";
    case Fault::kRankSilent:
      return "rank silent";
    case Fault::kHang:
      return "hang";
    case Fault::kDesync:
      return "desynchronised";
    case Fault::kStuckNetwork:
      return "stuck network";
    case Fault::kStraggler:
      return "straggler";
    case Fault::kNoDone:
      return "no end record";
    case Fault::kWrongResult:
      return "bad arithmetic";
  }
  return "?";
}

}  // namespace perdure
