#ifndef PERDURE_CHECKPOINT_FORMAT_FILE_ROWS_H_
#define PERDURE_CHECKPOINT_FORMAT_FILE_ROWS_H_

// Ranges of a file that are equally long and lie at equal distances: some
// columns of a matrix. One range is one row.

#include <algorithm>
#include <cstdint>
#include <utility>

namespace perdure {

struct FileRows {
  uint64_t begin = 0;   // of the first row
  uint64_t bytes = 0;   // of a row; > 0
  uint64_t rows = 1;    // > 0
  uint64_t stride = 0;  // from row to row; >= bytes, or there is one row

  uint64_t end() const { return BeginOf(rows - 1) + bytes; }
  uint64_t BeginOf(uint64_t row) const { return begin + row * stride; }
  // The rows that have bytes in [from, to), as [first, last).
  std::pair<uint64_t, uint64_t> RowsIn(uint64_t from, uint64_t to) const {
    if (from >= to) return {0, 0};
    const uint64_t first =
        std::min(rows, from < begin + bytes ? 0 : Whole(from - begin - bytes));
    const uint64_t last =
        to <= begin ? 0 : std::min(rows, Whole(to - begin - 1));
    return {first, std::max(first, last)};
  }
  bool HasBytesIn(uint64_t from, uint64_t to) const {
    const auto [first, last] = RowsIn(from, to);
    return first < last;
  }

  friend bool operator==(const FileRows&, const FileRows&) = default;

 private:
  // Rows that begin within the first `distance` + 1 bytes.
  uint64_t Whole(uint64_t distance) const {
    return rows == 1 ? 1 : distance / stride + 1;
  }
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_FILE_ROWS_H_
