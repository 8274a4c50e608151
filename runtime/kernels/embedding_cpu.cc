// N ids, D columns, V rows of the table.
#include <algorithm>

#include "glog/logging.h"
#include "runtime/kernels/elementwise.h"
#include "runtime/kernels/embedding.h"

namespace perdure::kernels {
namespace {

constexpr StreamView kThisThread{};

bool Holds(ConstMatrixView table, int64_t row) {
  return row >= 0 && row < table.rows;
}

}  // namespace

void EmbeddingForward(StreamView stream, const int32_t* ids, int64_t n,
                      ConstMatrixView table, int64_t first_id, MatrixView out) {
  CHECK(out.rows == n && out.cols == table.cols);
  const int64_t grain = 16384 / std::max<int64_t>(table.cols, 1);
  ParallelFor(stream, n, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = ids[i] - first_id;
      if (!Holds(table, row)) continue;
      Add(kThisThread, table.Rows(row, 1), out.Rows(i, 1));
    }
  });
}

void EmbeddingBackward(StreamView stream, const int32_t* ids, int64_t n,
                       ConstMatrixView dout, int64_t first_id,
                       MatrixView dtable) {
  CHECK(dout.rows == n && dout.cols == dtable.cols);
  // The threads share out columns, so that each element of the table has one
  // owner, which walks the ids in order: no sorting and no atomics.
  constexpr int64_t kColumns = 128;
  const int64_t blocks = (dtable.cols + kColumns - 1) / kColumns;
  ParallelFor(stream, blocks, 1, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kColumns;
    const int64_t count = std::min(end * kColumns, dtable.cols) - first;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t row = ids[i] - first_id;
      if (!Holds(dtable, row)) continue;
      Add(kThisThread, dout.Rows(i, 1).Columns(first, count),
          dtable.Rows(row, 1).Columns(first, count));
    }
  });
}

}  // namespace perdure::kernels
