#include "checkpoint/snapshot/needs.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "absl/types/span.h"

namespace perdure {
namespace {

bool Before(const Need& a, const Need& b) {
  return std::pair(a.file, a.rows.begin) < std::pair(b.file, b.rows.begin);
}

// Adds a need that begins behind the others; one range with the last, if both
// are ranges that touch.
void Append(const Need& need, std::vector<Need>* united) {
  Need added = need;
  FileRows* rows = &added.rows;
  if (rows->rows > 1 && rows->stride == rows->bytes) {
    rows->bytes *= std::exchange(rows->rows, 1);
  }
  if (rows->rows == 1) rows->stride = 0;
  if (!united->empty() && united->back().file == added.file) {
    FileRows* last = &united->back().rows;
    if (last->rows == 1 && rows->rows == 1 && rows->begin <= last->end()) {
      last->bytes = std::max(last->end(), rows->end()) - last->begin;
      return;
    }
  }
  united->push_back(added);
}

// Whether all have equally many rows at one distance, and the first rows of all
// lie within it. So each further row repeats the pattern of the first ones.
bool RepeatOnePattern(absl::Span<const Need> needs) {
  const FileRows& first = needs[0].rows;
  return std::all_of(needs.begin(), needs.end(), [&](const Need& need) {
    const FileRows& rows = need.rows;
    return rows.rows == first.rows && rows.stride == first.stride &&
           (rows.rows == 1 ||
            rows.begin + rows.bytes <= first.begin + first.stride);
  });
}

// Needs of one file that may share bytes, by first byte.
void AppendMixed(absl::Span<const Need> needs, std::vector<Need>* united) {
  std::vector<Need> single;
  const bool repeat = RepeatOnePattern(needs);
  for (const Need& need : needs) {
    const uint64_t rows = repeat ? 1 : need.rows.rows;
    for (uint64_t row = 0; row < rows; ++row) {
      single.push_back(
          {need.file, {need.rows.BeginOf(row), need.rows.bytes, 1, 0}});
    }
  }
  std::sort(single.begin(), single.end(), Before);
  std::vector<Need> ranges;
  for (const Need& need : single) Append(need, &ranges);
  for (Need& range : ranges) {
    if (repeat) {
      range.rows.rows = needs[0].rows.rows;
      range.rows.stride = needs[0].rows.stride;
    }
    Append(range, united);
  }
}

}  // namespace

std::vector<Need> Unite(std::vector<Need> needs) {
  std::sort(needs.begin(), needs.end(), Before);
  std::vector<Need> united;
  for (size_t first = 0; first < needs.size();) {
    uint64_t end = needs[first].rows.end();
    size_t next = first + 1;
    for (; next < needs.size() && needs[next].file == needs[first].file &&
           needs[next].rows.begin < end;
         ++next) {
      end = std::max(end, needs[next].rows.end());
    }
    AppendMixed(absl::MakeConstSpan(needs).subspan(first, next - first),
                &united);
    first = next;
  }
  return united;
}

std::vector<Need> NeedsOf(const std::vector<std::vector<Fetch>>& fetches) {
  std::vector<Need> needs;
  for (size_t file = 0; file < fetches.size(); ++file) {
    for (const Fetch& fetch : fetches[file]) {
      needs.push_back({file, fetch.from});
    }
  }
  return Unite(std::move(needs));
}

absl::StatusOr<std::vector<Need>> UnionOfNeeds(Communicator& group,
                                               const std::vector<Need>& mine) {
  ASSIGN_OR_RETURN(
      const std::vector<std::string> texts,
      AllGatherStrings(group, {reinterpret_cast<const char*>(mine.data()),
                               mine.size() * sizeof(Need)}));
  std::vector<Need> all;
  for (const std::string& text : texts) {
    const size_t before = all.size();
    all.resize(before + text.size() / sizeof(Need));
    std::memcpy(all.data() + before, text.data(), text.size());
  }
  return Unite(std::move(all));
}

}  // namespace perdure
