#include "runtime/config/problems.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace perdure {

void Problems::Add(absl::string_view path, absl::string_view text) {
  problems_.push_back(absl::StrCat(path, ": ", text));
}

void Problems::RequireAtLeast(absl::string_view path, int64_t value,
                              int64_t least) {
  if (value >= least) return;
  Add(path, absl::StrCat(value, " is too small; give at least ", least));
}

void Problems::RequireWithin(absl::string_view path, int64_t value,
                             int64_t least, int64_t most) {
  if (value >= least && value <= most) return;
  Add(path,
      absl::StrCat(value, " is out of range; give ", least, " to ", most));
}

// Written so that NaN, which compares false with everything, is refused.
void Problems::RequirePositive(absl::string_view path, double value) {
  if (value > 0 && std::isfinite(value)) return;
  Add(path, absl::StrCat(value, " is not positive; give a number above 0"));
}

void Problems::RequireNotNegative(absl::string_view path, double value) {
  if (value >= 0 && std::isfinite(value)) return;
  Add(path, absl::StrCat(value, " is no usable number; give 0 or more"));
}

void Problems::RequireFraction(absl::string_view path, double value) {
  if (value >= 0 && value < 1) return;
  Add(path, absl::StrCat(value,
                         " is no fraction; give at least 0 and less "
                         "than 1"));
}

void Problems::RequireNotEmpty(absl::string_view path, bool given,
                               absl::string_view value) {
  if (!given || !value.empty()) return;
  Add(path, "is empty; name something, or leave the field out");
}

}  // namespace perdure
