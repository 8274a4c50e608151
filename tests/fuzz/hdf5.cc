#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "checkpoint/format/hdf5_skeleton.h"
#include "glog/logging.h"
#include "tests/fuzz/targets.h"

namespace perdure {
namespace {

// One line; nothing where a snapshot's writer would not get that far: names
// are not empty there and shapes are legal.
bool ParseLine(absl::string_view line, Hdf5Dataset* dataset) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(line, absl::MaxSplits(' ', 2));
  if (parts.size() != 3 || parts[2].empty()) return false;
  const auto dtype = DTypeFromName(parts[0]);
  if (!dtype.has_value()) return false;
  dataset->dtype = *dtype;
  int64_t elements = 1;
  for (absl::string_view text :
       absl::StrSplit(parts[1], ',', absl::SkipEmpty())) {
    int64_t extent = 0;
    if (!absl::SimpleAtoi(text, &extent) || extent <= 0 ||
        __builtin_mul_overflow(elements, extent, &elements) ||
        elements > (int64_t{1} << 40)) {
      return false;
    }
    dataset->shape.push_back(extent);
  }
  dataset->path = std::string(parts[2]);
  return dataset->shape.size() <= 8;
}

}  // namespace

void FuzzHdf5(absl::string_view bytes) {
  std::vector<Hdf5Dataset> datasets;
  for (absl::string_view line : absl::StrSplit(bytes, '\n')) {
    Hdf5Dataset dataset;
    if (ParseLine(line, &dataset)) datasets.push_back(std::move(dataset));
    if (datasets.size() == 16) break;
  }
  const auto skeleton = BuildHdf5Skeleton(datasets);
  if (!skeleton.ok()) return;
  CHECK_EQ(skeleton->offsets.size(), datasets.size());
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (size_t i = 0; i < datasets.size(); ++i) {
    uint64_t size = static_cast<uint64_t>(SizeOf(datasets[i].dtype));
    for (const int64_t extent : datasets[i].shape) {
      size *= static_cast<uint64_t>(extent);
    }
    ranges.emplace_back(skeleton->offsets[i], skeleton->offsets[i] + size);
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) {
    CHECK_LE(ranges[i - 1].second, ranges[i].first) << "datasets overlap";
  }
}

}  // namespace perdure
