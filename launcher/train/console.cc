#include "launcher/train/console.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace perdure {

std::string FormatTable(
    const std::vector<std::pair<std::string, std::string>>& rows) {
  size_t width = 0;
  for (const auto& [name, value] : rows) {
    if (!value.empty()) width = std::max(width, name.size());
  }
  std::string text;
  for (const auto& [name, value] : rows) {
    if (value.empty()) {
      absl::StrAppend(&text, name, "\n");
    } else {
      absl::StrAppendFormat(&text, "  %-*s  %s\n", static_cast<int>(width),
                            name, value);
    }
  }
  return text;
}

}  // namespace perdure
