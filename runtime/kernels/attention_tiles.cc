#include "runtime/kernels/attention_tiles.h"

#include <algorithm>

#include "glog/logging.h"

namespace perdure::kernels {

TileVisibility VisibilityOf(const AttentionShape& shape,
                            const int32_t* first_visible, int64_t sequence,
                            int64_t tile) {
  TileVisibility visibility{};
  if (first_visible == nullptr) return visibility;
  const int64_t rows = RowsOfTile(shape, tile);
  const int64_t begin = tile * kTile;
  const int32_t* first = first_visible + sequence * shape.tokens + begin;
  for (int64_t i = 0; i < kTile; ++i) {
    // Padding behaves like the last query: it hides and shows no more. Every
    // query sees itself.
    const int64_t row = std::min(i, rows - 1);
    visibility.first[i] =
        std::min(first[row], static_cast<int32_t>(begin + row));
  }
  const auto [lowest, highest] =
      std::minmax_element(visibility.first, visibility.first + kTile);
  visibility.lowest = *lowest;
  visibility.highest = *highest;
  return visibility;
}

HeadDropout DropoutOf(const AttentionDropout& dropout, int64_t sequence,
                      int64_t head) {
  HeadDropout result{};
  result.probability = dropout.probability;
  if (dropout.probability == 0) return result;
  const uint64_t number = static_cast<uint64_t>(dropout.sequence[sequence]);
  const uint32_t global_head = static_cast<uint32_t>(dropout.first_head + head);
  CHECK(number < (uint64_t{1} << 47) && global_head < 65536u)
      << "sequence " << number << ", head " << global_head;
  result.keep_scale = 1.0f / (1.0f - dropout.probability);
  result.key = dropout.key;
  result.word2 = static_cast<uint32_t>(number);
  result.word3 =
      0x80000000u | static_cast<uint32_t>(number >> 32) << 16 | global_head;
  return result;
}

TileScratch::TileScratch(int64_t floats)
    : memory_(hwy::AllocateAligned<float>(static_cast<size_t>(floats))),
      size_(floats) {
  CHECK(memory_ != nullptr)
      << "no memory for " << 4 * floats << " bytes of attention scratch";
}

float* TileScratch::Take(int64_t floats) {
  float* piece = memory_.get() + used_;
  used_ += (floats + 15) / 16 * 16;
  CHECK_LE(used_, size_);
  return piece;
}

void CheckAttention(const AttentionShape& shape, const AttentionInputs& inputs,
                    const AttentionOptions& options) {
  const ConstMatrixView& q = inputs.q;
  CHECK(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0)
      << shape.heads << " query heads, " << shape.kv_heads << " kv heads";
  CHECK_GT(shape.head_dim, 0);
  const int64_t rows = shape.batch * shape.tokens;
  CHECK(q.rows == rows && q.cols == shape.heads * shape.head_dim)
      << "q is [" << q.rows << ", " << q.cols << "]";
  for (const ConstMatrixView* m : {&inputs.k, &inputs.v}) {
    CHECK(m->rows == rows && m->cols == shape.kv_heads * shape.head_dim)
        << "k or v is [" << m->rows << ", " << m->cols << "]";
    CHECK(m->dtype == q.dtype);
  }
  CHECK(q.dtype == DType::kF32 || q.dtype == DType::kBF16);
  const AttentionPrefix& prefix = options.prefix;
  CHECK_EQ(prefix.k.rows, prefix.v.rows);
  for (const ConstMatrixView* m : {&prefix.k, &prefix.v}) {
    CHECK(prefix.k.rows == 0 ||
          (m->cols == inputs.k.cols && m->dtype == q.dtype))
        << "the prefix is [" << m->rows << ", " << m->cols << "]";
  }
  const AttentionDropout& dropout = options.dropout;
  CHECK(dropout.probability >= 0 && dropout.probability < 1);
  CHECK(dropout.probability == 0 || dropout.sequence != nullptr);
}

}  // namespace perdure::kernels
