#ifndef PERDURE_RUNTIME_BASE_BLAME_H_
#define PERDURE_RUNTIME_BASE_BLAME_H_

// An error that says who computed wrongly. It travels as a Status (Unknown)
// from where it is found to whoever decides what is done about it.

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/base/status.h"

namespace perdure {

struct Blame {
  std::vector<int> ranks;  // of the world, ascending
  // Whether they are guilty; else the guilty one is among them.
  bool certain = true;
  // Steps after this one are not to be trusted.
  int64_t trusted_step = 0;
  friend bool operator==(const Blame&, const Blame&) = default;
};

absl::Status WrongResultError(const Blame& blame, absl::string_view message);
// None: `status` is another error.
std::optional<Blame> BlameOf(const absl::Status& status);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_BASE_BLAME_H_
