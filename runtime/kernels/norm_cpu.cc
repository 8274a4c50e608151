// N rows, D cols. RMSNorm is LayerNorm with a mean of 0 and no bias.
#include <algorithm>
#include <cmath>
#include <vector>

#include "glog/logging.h"
#include "runtime/kernels/norm.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/norm_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

float Mean(const float* x, int64_t n) {
  Sum sum;
  ForEachPartial(n, [&](int64_t part, int64_t i, int64_t left)
                        HWY_ATTR { sum.Add(part, LoadUpTo(x + i, left)); });
  return sum.Total() / static_cast<float>(n);
}

// mean((x - centre)^2), in a second pass: no cancellation.
float MeanSquare(const float* x, float centre, int64_t n) {
  Sum sum;
  const Vec middle = Broadcast(centre);
  ForEachPartial(n, [&](int64_t part, int64_t i, int64_t left) HWY_ATTR {
    const Vec diff = KeepFirst(hn::Sub(LoadUpTo(x + i, left), middle), left);
    sum.AddProduct(part, diff, diff);
  });
  return sum.Total() / static_cast<float>(n);
}

template <typename T>
void ForwardRow(const NormForwardCall& call, bool centred, int64_t row) {
  const int64_t n = call.x.cols;
  const float* x = call.x.as<float>() + row * call.x.stride;
  T* y = call.y.as<T>() + row * call.y.stride;
  const float mean = centred ? Mean(x, n) : 0.0f;
  const float rstd = 1.0f / std::sqrt(MeanSquare(x, mean, n) + call.eps);
  if (call.mean != nullptr) call.mean[row] = mean;
  if (call.rstd != nullptr) call.rstd[row] = rstd;
  const Vec centre = Broadcast(mean);
  const Vec scale = Broadcast(rstd);
  ForEachVector(n, [&](int64_t i, int64_t left) HWY_ATTR {
    const Vec unit = hn::Mul(hn::Sub(LoadUpTo(x + i, left), centre), scale);
    const Vec weight = LoadUpTo(call.weight + i, left);
    const Vec bias =
        call.bias == nullptr ? hn::Zero(F32()) : LoadUpTo(call.bias + i, left);
    StoreUpTo(hn::MulAdd(unit, weight, bias), y + i, left);
  });
}

void ForwardRows(const NormForwardCall& call, bool centred, int64_t begin,
                 int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    call.y.dtype == DType::kF32 ? ForwardRow<float>(call, centred, row)
                                : ForwardRow<bf16>(call, centred, row);
  }
}

// With g = dy * weight and u = (x - mean) * rstd:
//   dx += rstd (g - mean(g) - u mean(g u))   (no mean(g) in RMSNorm)
//   dweight += dy u;  dbias += dy
template <typename T>
void BackwardRow(const NormBackwardCall& call, int64_t row, float* dweight,
                 float* dbias) {
  const int64_t n = call.x.cols;
  const T* dy = call.dy.as<T>() + row * call.dy.stride;
  const float* x = call.x.as<float>() + row * call.x.stride;
  float* dx = call.dx.as<float>() + row * call.dx.stride;
  const bool centred = call.mean != nullptr;
  const Vec mean = Broadcast(centred ? call.mean[row] : 0.0f);
  const Vec rstd = Broadcast(call.rstd[row]);
  Sum sum_g, sum_gu;
  ForEachPartial(n, [&](int64_t part, int64_t i, int64_t left) HWY_ATTR {
    const Vec d = LoadUpTo(dy + i, left);
    const Vec u = hn::Mul(hn::Sub(LoadUpTo(x + i, left), mean), rstd);
    const Vec g = hn::Mul(d, LoadUpTo(call.weight + i, left));
    sum_g.Add(part, g);
    sum_gu.AddProduct(part, g, u);
    StoreUpTo(hn::MulAdd(d, u, LoadUpTo(dweight + i, left)), dweight + i, left);
    if (centred) {
      StoreUpTo(hn::Add(d, LoadUpTo(dbias + i, left)), dbias + i, left);
    }
  });
  const float inverse_n = 1.0f / static_cast<float>(n);
  const Vec mean_g = Broadcast(centred ? sum_g.Total() * inverse_n : 0.0f);
  const Vec mean_gu = Broadcast(sum_gu.Total() * inverse_n);
  ForEachVector(n, [&](int64_t i, int64_t left) HWY_ATTR {
    const Vec u = hn::Mul(hn::Sub(LoadUpTo(x + i, left), mean), rstd);
    const Vec g =
        hn::Mul(LoadUpTo(dy + i, left), LoadUpTo(call.weight + i, left));
    const Vec inner = hn::NegMulAdd(u, mean_gu, hn::Sub(g, mean_g));
    StoreUpTo(hn::MulAdd(inner, rstd, LoadUpTo(dx + i, left)), dx + i, left);
  });
}

void BackwardRows(const NormBackwardCall& call, int64_t begin, int64_t end,
                  float* dweight, float* dbias) {
  for (int64_t row = begin; row < end; ++row) {
    call.dy.dtype == DType::kF32 ? BackwardRow<float>(call, row, dweight, dbias)
                                 : BackwardRow<bf16>(call, row, dweight, dbias);
  }
}

void AddTo(const float* x, float* y, int64_t n) {
  ForEachVector(n, [&](int64_t i, int64_t left) HWY_ATTR {
    StoreUpTo(hn::Add(LoadUpTo(y + i, left), LoadUpTo(x + i, left)), y + i,
              left);
  });
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure::kernels {
namespace {

HWY_EXPORT(ForwardRows);
HWY_EXPORT(BackwardRows);
HWY_EXPORT(AddTo);

// Rows are cut into at most 64 slices of at least 16 rows, whatever the number
// of threads; each has its own sums of the weight gradients, which are then
// added in order.
constexpr int64_t kMaxSlices = 64;
constexpr int64_t kMinSliceRows = 16;

// centred: LayerNorm.
void Forward(StreamView stream, const NormForwardCall& call, bool centred) {
  CHECK(call.x.dtype == DType::kF32) << "the residual stream is fp32";
  CHECK(call.y.dtype == DType::kF32 || call.y.dtype == DType::kBF16);
  CHECK(call.y.rows == call.x.rows && call.y.cols == call.x.cols);
  const int64_t grain =
      std::max<int64_t>(1, 16384 / std::max<int64_t>(call.x.cols, 1));
  ParallelFor(stream, call.x.rows, grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(ForwardRows)(call, centred, begin, end);
  });
}

void Backward(StreamView stream, const NormBackwardCall& call) {
  CHECK(call.x.dtype == DType::kF32 && call.dx.dtype == DType::kF32)
      << "the residual stream and its gradient are fp32";
  CHECK(call.dy.dtype == DType::kF32 || call.dy.dtype == DType::kBF16);
  CHECK(call.dy.rows == call.x.rows && call.dy.cols == call.x.cols &&
        call.dx.rows == call.x.rows && call.dx.cols == call.x.cols);
  const int64_t rows = call.x.rows, cols = call.x.cols;
  const int64_t slices =
      std::clamp<int64_t>(rows / kMinSliceRows, 1, kMaxSlices);
  const int64_t width = call.mean == nullptr ? cols : 2 * cols;
  std::vector<float> sums(slices * width, 0.0f);  // [slices, dweight | dbias]
  ParallelFor(stream, slices, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slice = begin; slice < end; ++slice) {
      float* sum = sums.data() + slice * width;
      HWY_DYNAMIC_DISPATCH(BackwardRows)
      (call, rows * slice / slices, rows * (slice + 1) / slices, sum,
       sum + cols);
    }
  });
  for (int64_t slice = 0; slice < slices; ++slice) {
    const float* sum = sums.data() + slice * width;
    if (call.dweight != nullptr) {
      HWY_DYNAMIC_DISPATCH(AddTo)(sum, call.dweight, cols);
    }
    if (call.dbias != nullptr) {
      HWY_DYNAMIC_DISPATCH(AddTo)(sum + cols, call.dbias, cols);
    }
  }
}

}  // namespace

void LayerNormForward(StreamView stream, const NormForwardCall& call) {
  Forward(stream, call, /*centred=*/true);
}

void LayerNormBackward(StreamView stream, const NormBackwardCall& call) {
  CHECK(call.mean != nullptr);
  Backward(stream, call);
}

void RmsNormForward(StreamView stream, const NormForwardCall& call) {
  CHECK(call.bias == nullptr && call.mean == nullptr);
  Forward(stream, call, /*centred=*/false);
}

void RmsNormBackward(StreamView stream, const NormBackwardCall& call) {
  CHECK(call.mean == nullptr && call.dbias == nullptr);
  Backward(stream, call);
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
