#include <algorithm>
#include <cstring>
#include <vector>

#include "glog/logging.h"
#include "runtime/kernels/elementwise.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/elementwise_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

void FillSpan(float value, float* x, int64_t n) {
  const Vec v = Broadcast(value);
  ForEachVector(
      n, [&](int64_t i, int64_t left) HWY_ATTR { StoreUpTo(v, x + i, left); });
}

template <typename From, typename To>
void ConvertTyped(const void* from, void* to, int64_t n) {
  const From* x = static_cast<const From*>(from);
  To* y = static_cast<To*>(to);
  ForEachVector(n, [&](int64_t i, int64_t left) HWY_ATTR {
    StoreUpTo(LoadUpTo(x + i, left), y + i, left);
  });
}

void NarrowSpan(const void* x, void* y, int64_t n) {
  ConvertTyped<float, bf16>(x, y, n);
}
void WidenSpan(const void* x, void* y, int64_t n) {
  ConvertTyped<bf16, float>(x, y, n);
}

// out += x; also used for bias, which is then the x.
template <typename X, typename Y>
void AddTyped(const void* x_data, void* y_data, int64_t n) {
  const X* x = static_cast<const X*>(x_data);
  Y* y = static_cast<Y*>(y_data);
  ForEachVector(n, [&](int64_t i, int64_t left) HWY_ATTR {
    const Vec sum = hn::Add(LoadUpTo(y + i, left), LoadUpTo(x + i, left));
    StoreUpTo(sum, y + i, left);
  });
}

void AddF32ToF32(const void* x, void* y, int64_t n) {
  AddTyped<float, float>(x, y, n);
}
void AddBf16ToF32(const void* x, void* y, int64_t n) {
  AddTyped<bf16, float>(x, y, n);
}
void AddF32ToBf16(const void* x, void* y, int64_t n) {
  AddTyped<float, bf16>(x, y, n);
}

// dbias[0 .. count) += sums of the columns, count <= kColumns.
template <typename T>
void SumColumnsTyped(ConstMatrixView dy, float* dbias) {
  constexpr int64_t kColumns = 64;
  constexpr int64_t kVectorsAcross = kColumns / kLanes;
  // Sums of 64 rows are added to the total: shorter chains of roundings.
  constexpr int64_t kRows = 64;
  Vec total[kVectorsAcross];
  for (Vec& v : total) v = hn::Zero(F32());
  for (int64_t begin = 0; begin < dy.rows; begin += kRows) {
    const int64_t end = std::min(begin + kRows, dy.rows);
    Vec part[kVectorsAcross];
    for (Vec& v : part) v = hn::Zero(F32());
    for (int64_t row = begin; row < end; ++row) {
      const T* line = dy.as<T>() + row * dy.stride;
      for (int64_t k = 0; k < kVectorsAcross; ++k) {
        const int64_t i = k * kLanes;
        part[k] = hn::Add(part[k], LoadUpTo(line + i, dy.cols - i));
      }
    }
    for (int64_t k = 0; k < kVectorsAcross; ++k) {
      total[k] = hn::Add(total[k], part[k]);
    }
  }
  for (int64_t k = 0; k < kVectorsAcross; ++k) {
    float* out = dbias + k * kLanes;
    const int64_t left = dy.cols - k * kLanes;
    StoreUpTo(hn::Add(LoadUpTo(out, left), total[k]), out, left);
  }
}

void SumColumns(ConstMatrixView dy, float* dbias) {
  dy.dtype == DType::kF32 ? SumColumnsTyped<float>(dy, dbias)
                          : SumColumnsTyped<bf16>(dy, dbias);
}

// 16 partial sums in fp64, whatever the vector length.
double SumOfSquaresSpan(const float* x, int64_t n) {
  using F64 = hn::CappedTag<double, 8>;
  using F32Narrow = hn::Rebind<float, F64>;
  constexpr int64_t kWide = static_cast<int64_t>(hn::MaxLanes(F64()));
  hn::Vec<F64> parts[kPartials / kWide];
  for (auto& part : parts) part = hn::Zero(F64());
  const auto add = [&](const float* p) HWY_ATTR {
    for (int64_t k = 0; k < kPartials / kWide; ++k) {
      const auto v =
          hn::PromoteTo(F64(), hn::LoadU(F32Narrow(), p + k * kWide));
      parts[k] = hn::MulAdd(v, v, parts[k]);  // the product is exact
    }
  };
  const int64_t whole = n / kPartials * kPartials;
  for (int64_t i = 0; i < whole; i += kPartials) add(x + i);
  float tail[kPartials] = {};
  std::copy(x + whole, x + n, tail);
  add(tail);
  double sums[kPartials];
  for (int64_t k = 0; k < kPartials / kWide; ++k) {
    hn::StoreU(parts[k], F64(), sums + k * kWide);
  }
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure::kernels {
namespace {

HWY_EXPORT(FillSpan);
HWY_EXPORT(NarrowSpan);
HWY_EXPORT(WidenSpan);
HWY_EXPORT(AddF32ToF32);
HWY_EXPORT(AddBf16ToF32);
HWY_EXPORT(AddF32ToBf16);
HWY_EXPORT(SumColumns);
HWY_EXPORT(SumOfSquaresSpan);

// Elements of one piece of work: a few microseconds, within L2.
constexpr int64_t kSpan = 32768;

using SpanFunction = void (*)(const void* x, void* y, int64_t n);

bool Computes(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16;
}

// Applies `function` to the rows of x and y, in pieces spread over the threads.
// x may be a single row, used for each row of y.
void ForEachSpan(StreamView stream, SpanFunction function, ConstMatrixView x,
                 MatrixView y) {
  if (x.contiguous() && y.contiguous() && x.rows == y.rows) {
    const int64_t all = y.size();
    x = {x.data, x.dtype, 1, all};
    y = {y.data, y.dtype, 1, all};
  }
  if (y.size() == 0) return;
  const int64_t pieces = (y.cols + kSpan - 1) / kSpan;  // of a row
  const int64_t grain = std::max<int64_t>(kSpan / y.cols, 1);
  ParallelFor(stream, y.rows * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t row = item / pieces;
      const int64_t first = item % pieces * kSpan;
      const int64_t count = std::min(kSpan, y.cols - first);
      const int64_t x_row = x.rows == 1 ? 0 : row;
      function(x.Rows(x_row, 1).Columns(first, count).data,
               y.Rows(row, 1).Columns(first, count).data, count);
    }
  });
}

void CopySpanF32(const void* x, void* y, int64_t n) {
  std::memmove(y, x, static_cast<size_t>(n) * 4);
}
void CopySpanBf16(const void* x, void* y, int64_t n) {
  std::memmove(y, x, static_cast<size_t>(n) * 2);
}

SpanFunction ConversionOf(DType from, DType to) {
  if (from == to) return from == DType::kF32 ? CopySpanF32 : CopySpanBf16;
  return from == DType::kF32 ? HWY_DYNAMIC_DISPATCH(NarrowSpan)
                             : HWY_DYNAMIC_DISPATCH(WidenSpan);
}

}  // namespace

void Fill(StreamView stream, float value, float* x, int64_t n) {
  ParallelFor(stream, n, kSpan, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(FillSpan)(value, x + begin, end - begin);
  });
}

void Convert(StreamView stream, ConstMatrixView x, MatrixView y) {
  CHECK(x.rows == y.rows && x.cols == y.cols);
  CHECK(Computes(x.dtype) && Computes(y.dtype));
  ForEachSpan(stream, ConversionOf(x.dtype, y.dtype), x, y);
}

void Add(StreamView stream, ConstMatrixView x, MatrixView y) {
  CHECK(x.rows == y.rows && x.cols == y.cols);
  CHECK(Computes(x.dtype) && Computes(y.dtype));
  CHECK(x.dtype == DType::kF32 || y.dtype == DType::kF32);
  const SpanFunction add =
      x.dtype == DType::kBF16   ? HWY_DYNAMIC_DISPATCH(AddBf16ToF32)
      : y.dtype == DType::kBF16 ? HWY_DYNAMIC_DISPATCH(AddF32ToBf16)
                                : HWY_DYNAMIC_DISPATCH(AddF32ToF32);
  ForEachSpan(stream, add, x, y);
}

void Scale(StreamView stream, float factor, MatrixView x) {
  CHECK(x.contiguous());
  float* values = x.as<float>();
  ParallelFor(stream, x.size(), kSpan, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) values[i] *= factor;
  });
}

void AddBias(StreamView stream, const float* bias, MatrixView x) {
  CHECK(Computes(x.dtype));
  const SpanFunction add = x.dtype == DType::kF32
                               ? HWY_DYNAMIC_DISPATCH(AddF32ToF32)
                               : HWY_DYNAMIC_DISPATCH(AddF32ToBf16);
  ForEachSpan(stream, add, {bias, DType::kF32, 1, x.cols}, x);
}

void BiasBackward(StreamView stream, ConstMatrixView dy, float* dbias) {
  CHECK(Computes(dy.dtype));
  constexpr int64_t kColumns = 64;
  const int64_t blocks = (dy.cols + kColumns - 1) / kColumns;
  ParallelFor(stream, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kColumns;
      const int64_t count = std::min(kColumns, dy.cols - first);
      HWY_DYNAMIC_DISPATCH(SumColumns)
      (dy.Columns(first, count), dbias + first);
    }
  });
}

double SumOfSquares(StreamView stream, const float* x, int64_t n) {
  const int64_t spans = (n + kSpan - 1) / kSpan;
  std::vector<double> sums(static_cast<size_t>(spans));
  ParallelFor(stream, spans, 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      const int64_t count = std::min(kSpan, n - s * kSpan);
      sums[static_cast<size_t>(s)] =
          HWY_DYNAMIC_DISPATCH(SumOfSquaresSpan)(x + s * kSpan, count);
    }
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
