#include "parallel/engine/even_loads.h"

#include <algorithm>
#include <numeric>

namespace perdure {
namespace {

// Large runs are cut at pages of their tensor, so that whole pages have one
// writer and can go around the page cache.
constexpr int64_t kPage = 4096;
constexpr int64_t kLarge = 64 * kPage;

// The element of the run nearest to byte `at` of it where a cut may be.
int64_t CutIn(const LineRun& run, int64_t at) {
  int64_t unit = run.unit;
  if (unit == 1 && run.bytes() >= kLarge) unit = kPage / run.element;
  const int64_t wanted = run.begin + at / run.element;
  const int64_t cut = (wanted + unit / 2) / unit * unit;
  return std::clamp(cut, run.begin, run.end);
}

}  // namespace

std::vector<int64_t> LevelLoads(const std::vector<int64_t>& loads,
                                int64_t bytes) {
  const size_t n = loads.size();
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return loads[a] < loads[b]; });
  // The level that the `count` least loaded reach, the others being above it.
  size_t count = 0;
  int64_t below = 0, level = 0;
  while (count < n) {
    below += loads[order[count++]];
    level = (below + bytes) / static_cast<int64_t>(count);
    if (count < n && level <= loads[order[count]]) break;
  }
  std::vector<int64_t> parts(n, 0);
  int64_t left = bytes;
  for (size_t i = 0; i < count; ++i) {
    const int64_t part = std::clamp<int64_t>(level - loads[order[i]], 0, left);
    parts[order[i]] = part;
    left -= part;
  }
  parts[order[0]] += left;  // of the division
  return parts;
}

std::vector<std::vector<LinePart>> CutLine(
    const std::vector<LineRun>& line, const std::vector<int64_t>& targets) {
  std::vector<std::vector<LinePart>> parts(targets.size());
  size_t holder = 0;
  int64_t start = 0;  // of the run, on the line
  int64_t holder_end = targets.empty() ? 0 : targets[0];
  for (const LineRun& run : line) {
    int64_t done = run.begin;
    while (done < run.end) {
      const bool last = holder + 1 == targets.size();
      const bool beyond = holder_end >= start + run.bytes();
      const int64_t cut = last || beyond
                              ? run.end
                              : std::max(done, CutIn(run, holder_end - start));
      if (cut > done) {
        parts[holder].push_back(
            {run.tensor, done, cut, (cut - done) * run.element});
      }
      done = cut;
      if (last || beyond) break;
      holder_end += targets[++holder];
    }
    start += run.bytes();
  }
  return parts;
}

}  // namespace perdure
