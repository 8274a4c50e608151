#include "launcher/train/console.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
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

std::string DescribeAccuracy(const Accuracy& accuracy) {
  const Accuracy::Interval interval = accuracy.ConfidenceInterval();
  return absl::StrFormat("%.4f (95 %% interval %.4f to %.4f, %d examples)",
                         accuracy.mean(), interval.low, interval.high,
                         accuracy.total);
}

bool StdoutIsTerminal() {
  if (isatty(STDOUT_FILENO) == 0) return false;
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) return true;
  // Open MPI gives its ranks a pseudo-terminal wherever their output ends up;
  // that of their parent, mpirun, says where. (A rank on another host has a
  // daemon for a parent, and gets plain lines.)
  char target[64] = {};
  const std::string link = absl::StrCat("/proc/", getppid(), "/fd/1");
  if (readlink(link.c_str(), target, sizeof(target) - 1) < 0) return false;
  return absl::StartsWith(target, "/dev/pts/") ||
         absl::StartsWith(target, "/dev/tty") ||
         absl::StartsWith(target, "/dev/console");
}

}  // namespace perdure
