#include <algorithm>
#include <cstring>

#include "checkpoint/lazy/lazy_tensor.h"
#include "glog/logging.h"

namespace perdure {
namespace {

// Elements of the strip that one step of a transposition holds: 8 MiB of fp32.
constexpr int64_t kStripElements = int64_t{1} << 21;
// Side of the squares that are turned within the caches.
constexpr int64_t kTile = 32;

// Of the transposed matrix [C, R], elements [begin, begin + count); `strip` is
// columns [first, first + width) of the source [R, C].
struct Turn {
  int64_t rows;  // R
  int64_t first;
  int64_t width;
  int64_t begin;
  int64_t count;
};

template <typename T>
void CopyTurned(const Turn& turn, const T* strip, T* target) {
  const int64_t end = turn.begin + turn.count;
  for (int64_t r0 = 0; r0 < turn.rows; r0 += kTile) {
    const int64_t r1 = std::min(r0 + kTile, turn.rows);
    for (int64_t c = 0; c < turn.width; ++c) {
      const int64_t row = (turn.first + c) * turn.rows;
      const int64_t from = std::max(row + r0, turn.begin);
      const int64_t to = std::min(row + r1, end);
      for (int64_t at = from; at < to; ++at) {
        target[at - turn.begin] = strip[(at - row) * turn.width + c];
      }
    }
  }
}

class TransposedTensor : public LazyTensor {
 public:
  explicit TransposedTensor(LazyRef matrix)
      : LazyTensor(matrix->dtype(), {matrix->shape()[1], matrix->shape()[0]}),
        matrix_(std::move(matrix)) {}

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    if (elements() == 0) return absl::OkStatus();
    const int64_t rows = shape()[1];
    const int64_t step = std::max<int64_t>(kStripElements / rows, 1) * rows;
    for (const ShardRun& run : runs) {
      for (int64_t done = 0; done < run.length;) {
        const int64_t at = run.global_offset + done;
        // Up to the end of a row of the result, so that no column is read
        // twice.
        const int64_t count =
            std::min(run.length - done, (at / step + 1) * step - at);
        RETURN_IF_ERROR(ReadStrip(
            at, count, base + (run.local_offset + done) * SizeOf(dtype())));
        done += count;
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ReadStrip(int64_t begin, int64_t count, char* target) const {
    const int64_t rows = shape()[1];
    const int64_t columns = shape()[0];
    const int64_t first = begin / rows;
    const int64_t width = (begin + count - 1) / rows + 1 - first;
    std::vector<ShardRun> runs;
    runs.reserve(rows);
    for (int64_t r = 0; r < rows; ++r) {
      runs.push_back({r * columns + first, r * width, width});
    }
    std::vector<char> strip(rows * width * SizeOf(dtype()));
    RETURN_IF_ERROR(matrix_->Read(runs, strip.data()));
    const Turn turn{rows, first, width, begin, count};
    switch (SizeOf(dtype())) {
      case 1:
        CopyAs<uint8_t>(turn, strip, target);
        break;
      case 2:
        CopyAs<uint16_t>(turn, strip, target);
        break;
      case 4:
        CopyAs<uint32_t>(turn, strip, target);
        break;
      default:
        CopyAs<uint64_t>(turn, strip, target);
    }
    return absl::OkStatus();
  }

  template <typename T>
  static void CopyAs(const Turn& turn, const std::vector<char>& strip,
                     char* target) {
    CopyTurned(turn, reinterpret_cast<const T*>(strip.data()),
               reinterpret_cast<T*>(target));
  }

  const LazyRef matrix_;
};

}  // namespace

LazyRef Transpose(LazyRef matrix) {
  CHECK_EQ(matrix->shape().size(), 2u);
  return std::make_shared<TransposedTensor>(std::move(matrix));
}

}  // namespace perdure
