// n rows, V columns: this rank's part of the vocabulary.
#include <algorithm>
#include <cmath>
#include <limits>

#include "glog/logging.h"
#include "runtime/kernels/cross_entropy.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/cross_entropy_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/exp-inl.h"
#include "runtime/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

float RowMax(const float* x, int64_t n) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  // Four chains, as one would wait for the latency of each maximum. The order
  // does not matter: a maximum is exact.
  Vec top[4];
  for (Vec& v : top) v = Broadcast(kLowest);
  const int64_t whole = n / (4 * kLanes) * (4 * kLanes);
  for (int64_t i = 0; i < whole; i += 4 * kLanes) {
    for (int64_t k = 0; k < 4; ++k) {
      top[k] = hn::Max(top[k], Load(x + i + k * kLanes));
    }
  }
  float lanes[4 * kLanes];
  for (int64_t k = 0; k < 4; ++k) Store(top[k], lanes + k * kLanes);
  float max = *std::max_element(lanes, lanes + 4 * kLanes);
  for (int64_t i = whole; i < n; ++i) max = std::max(max, x[i]);
  return max;
}

// Sum of exp(x - max): fp32 within blocks, fp64 over them, so that the error
// does not grow with the vocabulary.
float SumExp(const float* x, int64_t n, float max) {
  constexpr int64_t kBlock = 4096;
  const Vec shift = Broadcast(max);
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    Sum sum;
    ForEachPartial(std::min(kBlock, n - begin), [&](int64_t part, int64_t i,
                                                    int64_t left) HWY_ATTR {
      const Vec z = hn::Sub(LoadUpTo(x + begin + i, left), shift);
      sum.Add(part, KeepFirst(ExpBounded(z), left));
    });
    total += static_cast<double>(sum.Total());
  }
  return static_cast<float>(total);
}

LogitStats RowStatistics(const float* x, int64_t n, int64_t target) {
  LogitStats stats;
  stats.max = RowMax(x, n);
  stats.sum_exp = SumExp(x, n, stats.max);
  stats.target = target >= 0 && target < n ? x[target] : 0.0f;
  return stats;
}

// dx = scale exp(x - max), scale = weight / sum; dx[target] -= weight.
template <typename T>
void GradientRowTyped(const float* x, int64_t n, const LogitStats& stats,
                      int64_t target, float weight, T* dx) {
  const Vec shift = Broadcast(stats.max);
  const Vec scale = Broadcast(weight / stats.sum_exp);
  const bool mine = target >= 0 && target < n;
  const float target_logit = mine ? x[target] : 0.0f;  // dx may be x
  ForEachVector(n, [&](int64_t i, int64_t left) HWY_ATTR {
    const Vec e = ExpBounded(hn::Sub(LoadUpTo(x + i, left), shift));
    StoreUpTo(hn::Mul(e, scale), dx + i, left);
  });
  if (!mine) return;
  const Vec e = ExpBounded(hn::Sub(Broadcast(target_logit), shift));
  const Vec gradient = hn::Sub(hn::Mul(e, scale), Broadcast(weight));
  StoreUpTo(gradient, dx + target, 1);
}

void GradientRow(const float* x, const LogitStats& stats, int64_t target,
                 float weight, MatrixView dx) {
  dx.dtype == DType::kF32
      ? GradientRowTyped(x, dx.cols, stats, target, weight, dx.as<float>())
      : GradientRowTyped(x, dx.cols, stats, target, weight, dx.as<bf16>());
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure::kernels {
namespace {

HWY_EXPORT(RowStatistics);
HWY_EXPORT(GradientRow);

// Rows of one piece of work.
int64_t Grain(int64_t cols) {
  return std::max<int64_t>(16384 / std::max<int64_t>(cols, 1), 1);
}

LogitStats Merge(const LogitStats* stats, int parts, int64_t n, int64_t i) {
  LogitStats all = stats[i];
  for (int p = 1; p < parts; ++p) {
    all.max = std::max(all.max, stats[p * n + i].max);
  }
  double sum = 0, target = 0;
  for (int p = 0; p < parts; ++p) {
    const LogitStats& part = stats[p * n + i];
    target += static_cast<double>(part.target);
    if (part.sum_exp == 0) continue;  // a part without columns: its max is -inf
    sum +=
        static_cast<double>(part.sum_exp) *
        std::exp(static_cast<double>(part.max) - static_cast<double>(all.max));
  }
  all.sum_exp = static_cast<float>(sum);
  all.target = static_cast<float>(target);
  return all;
}

}  // namespace

void LogitStatistics(StreamView stream, ConstMatrixView logits,
                     const int32_t* targets, int64_t first_id,
                     LogitStats* stats) {
  const float* x = logits.as<float>();
  const auto rows = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      stats[i] = HWY_DYNAMIC_DISPATCH(RowStatistics)(
          x + i * logits.stride, logits.cols, targets[i] - first_id);
    }
  };
  ParallelFor(stream, logits.rows, Grain(logits.cols), rows);
}

void MergeLogitStats(const LogitStats* stats, int parts, int64_t n,
                     LogitStats* merged) {
  CHECK_GE(parts, 1);
  for (int64_t i = 0; i < n; ++i) merged[i] = Merge(stats, parts, n, i);
}

void CrossEntropyLoss(const LogitStats* merged, const float* weights, int64_t n,
                      double* loss) {
  for (int64_t i = 0; i < n; ++i) {
    const double weight = weights == nullptr ? 1.0 : weights[i];
    const LogitStats& s = merged[i];
    const double log_sum =
        std::log(static_cast<double>(s.sum_exp)) + static_cast<double>(s.max);
    loss[i] = weight == 0 ? 0 : weight * (log_sum - s.target);
  }
}

void CrossEntropyBackward(StreamView stream, ConstMatrixView logits,
                          const CrossEntropyRows& rows, int64_t first_id,
                          MatrixView dlogits) {
  CHECK(logits.rows == dlogits.rows && logits.cols == dlogits.cols);
  CHECK(dlogits.dtype == DType::kF32 || dlogits.dtype == DType::kBF16);
  const float* x = logits.as<float>();
  const auto span = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float weight = rows.weights == nullptr ? 1.0f : rows.weights[i];
      HWY_DYNAMIC_DISPATCH(GradientRow)
      (x + i * logits.stride, rows.merged[i], rows.targets[i] - first_id,
       weight, dlogits.Rows(i, 1));
    }
  };
  ParallelFor(stream, logits.rows, Grain(logits.cols), span);
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
