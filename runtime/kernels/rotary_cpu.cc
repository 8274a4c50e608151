// N rows of H heads of dh elements; element i of a head's first half and of its
// second half are the two coordinates of one rotation.
#include <algorithm>
#include <cmath>
#include <vector>

#include "glog/logging.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/rotary_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

// One head in place: (a, b) -> (a cos - b sin, b cos + a sin).
template <typename T>
void RotateHead(T* first, int64_t half, const float* cosine,
                const float* sine) {
  T* second = first + half;
  ForEachVector(half, [&](int64_t i, int64_t left) HWY_ATTR {
    const Vec c = LoadUpTo(cosine + i, left), s = LoadUpTo(sine + i, left);
    const Vec a = LoadUpTo(first + i, left), b = LoadUpTo(second + i, left);
    StoreUpTo(hn::NegMulAdd(b, s, hn::Mul(a, c)), first + i, left);
    StoreUpTo(hn::MulAdd(a, s, hn::Mul(b, c)), second + i, left);
  });
}

// cosine, sine: [half], of this row's position.
void RotateRow(const MatrixView& x, int64_t row, int64_t half,
               const float* cosine, const float* sine) {
  for (int64_t column = 0; column < x.cols; column += 2 * half) {
    const int64_t at = row * x.stride + column;
    x.dtype == DType::kF32 ? RotateHead(x.as<float>() + at, half, cosine, sine)
                           : RotateHead(x.as<bf16>() + at, half, cosine, sine);
  }
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure::kernels {
namespace {

HWY_EXPORT(RotateRow);

// theta^(-2 i / dh), [dh / 2].
std::vector<float> Frequencies(int64_t head_dim, double theta) {
  std::vector<float> frequencies(head_dim / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double power = 2.0 * static_cast<double>(i) / head_dim;
    frequencies[i] = static_cast<float>(1.0 / std::pow(theta, power));
  }
  return frequencies;
}

}  // namespace

void RotaryEmbedding(StreamView stream, MatrixView x, int64_t heads,
                     const int32_t* positions, const Rotation& rotation) {
  const int64_t head_dim = rotation.head_dim;
  CHECK_EQ(head_dim % 2, 0) << "rotary heads have two halves";
  CHECK_EQ(x.cols, heads * head_dim);
  CHECK(x.dtype == DType::kF32 || x.dtype == DType::kBF16);
  const int64_t half = head_dim / 2;
  const std::vector<float> frequencies = Frequencies(head_dim, rotation.theta);
  const int64_t grain =
      std::max<int64_t>(1, 8192 / std::max<int64_t>(x.cols, 1));
  ParallelFor(stream, x.rows, grain, [&](int64_t begin, int64_t end) {
    std::vector<float> cosine(half), sine(half);
    for (int64_t row = begin; row < end; ++row) {
      const float position = static_cast<float>(positions[row]);
      for (int64_t i = 0; i < half; ++i) {
        // The angle is rounded to fp32 as Hugging Face's models round it; at
        // long positions the exact product would turn by another angle than
        // the one that the weights were trained with.
        const double angle = position * frequencies[i];
        cosine[i] = static_cast<float>(std::cos(angle));
        const double turn = std::sin(angle);
        sine[i] = static_cast<float>(rotation.inverse ? -turn : turn);
      }
      HWY_DYNAMIC_DISPATCH(RotateRow)
      (x, row, half, cosine.data(), sine.data());
    }
  });
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
