// AdamW, GB/s: 28 bytes a parameter (read p, g, m, v; write p, m, v), 2 more
// with a bf16 shadow. of_peak is the share of what the same reads and writes
// reach with one addition each, measured in the same run. One thread is timed
// in CPU time, more in wall time (then nothing else may run).
//   bench_adamw
// Arguments: millions of parameters, threads.
#include <algorithm>
#include <ctime>
#include <memory>

#include "benchmark/benchmark.h"
#include "runtime/device/device.h"
#include "runtime/kernels/adamw.h"
#include "runtime/kernels/elementwise.h"
#include "runtime/tensor/tensor.h"

namespace perdure::kernels {
namespace {

// AdamW's reads and writes, next to no arithmetic.
void AddToAll(const float* __restrict grad, float* __restrict param,
              float* __restrict m, float* __restrict v, int64_t begin,
              int64_t end) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    param[i] += grad[i];
    m[i] += grad[i];
    v[i] += grad[i];
  }
}

struct Parameters {
  std::unique_ptr<Device> device;
  StreamView stream;
  int64_t n;
  Tensor grad, param, m, v, shadow;

  explicit Parameters(const benchmark::State& state)
      : device(MakeCpuDevice(static_cast<int>(state.range(1)))),
        stream(device->stream()),
        n(state.range(0) * 1'000'000) {
    for (Tensor* tensor : {&grad, &param, &m, &v}) {
      *tensor = Tensor(*device, DType::kF32, 1, n);
      Fill(stream, 0.01f, tensor->data<float>(), n);
    }
    shadow = Tensor(*device, DType::kBF16, 1, n);
  }

  void Step(bool with_shadow) {
    AdamW(stream, AdamWSettings(),
          {grad.data<float>(), param.data<float>(), m.data<float>(),
           v.data<float>(), with_shadow ? shadow.data<bf16>() : nullptr, n});
  }

  void Touch() {
    ParallelFor(stream, n, 16384, [&](int64_t begin, int64_t end) {
      AddToAll(grad.data<float>(), param.data<float>(), m.data<float>(),
               v.data<float>(), begin, end);
    });
  }

  // The clock that the benchmark itself uses.
  double Seconds() const {
    timespec now;
    clock_gettime(
        stream.threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) +
           1e-9 * static_cast<double>(now.tv_nsec);
  }

  // GB/s of Touch, the best of several.
  double Peak() {
    double best = 1e9;
    for (int repeat = 0; repeat < 8; ++repeat) {
      const double begin = Seconds();
      Touch();
      best = std::min(best, Seconds() - begin);
    }
    return 28e-9 * static_cast<double>(n) / best;
  }
};

void AdamWStep(benchmark::State& state, bool with_shadow) {
  using benchmark::Counter;
  Parameters p(state);
  const double peak = p.Peak();
  for (auto _ : state) p.Step(with_shadow);
  const double gigabytes =
      (with_shadow ? 30e-9 : 28e-9) * static_cast<double>(p.n);
  state.counters["GB/s"] =
      Counter(gigabytes, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] =
      Counter(gigabytes / peak, Counter::kIsIterationInvariantRate);
}

BENCHMARK_CAPTURE(AdamWStep, fp32, false)
    ->Unit(benchmark::kMillisecond)
    ->Args({40, 1});
BENCHMARK_CAPTURE(AdamWStep, bf16_shadow, true)
    ->Unit(benchmark::kMillisecond)
    ->Args({40, 1});
BENCHMARK_CAPTURE(AdamWStep, fp32, false)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Args({40, 2});

}  // namespace
}  // namespace perdure::kernels

BENCHMARK_MAIN();
