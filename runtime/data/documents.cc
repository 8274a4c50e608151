#include "runtime/data/documents.h"

#include <algorithm>

namespace perdure {

std::vector<int64_t> DocumentStarts(const SplitFile& file, int64_t offset,
                                    const std::vector<int32_t>& ids) {
  const auto n = static_cast<int64_t>(ids.size());
  std::vector<int64_t> starts;
  const std::vector<int64_t>& index = file.file->documents();
  if (!index.empty()) {
    auto next = std::lower_bound(index.begin(), index.end(), offset);
    for (; next != index.end() && *next < offset + n; ++next) {
      starts.push_back(*next - offset);
    }
  } else if (file.eod.has_value()) {
    for (int64_t i = 0; i < n; ++i) {
      if (ids[i] == *file.eod) starts.push_back(i);
    }
  }
  return starts;
}

}  // namespace perdure
