// The matrix products of a linear layer, GF/s and share of the fp32 fma peak
// that as many threads reach here (bf16 may exceed 1). One thread is timed in
// CPU time, more in wall time (then nothing else may run).
//   bench_matmul --benchmark_filter=Forward/fp32
// Arguments: tokens, layer inputs, layer outputs, threads.
#include <memory>

#include "benchmark/benchmark.h"
#include "benchmarks/kernels/fma_peak.h"
#include "runtime/device/device.h"
#include "runtime/kernels/elementwise.h"
#include "runtime/kernels/matmul.h"
#include "runtime/tensor/tensor.h"

namespace perdure::kernels {
namespace {

// x [tokens, in], w [out, in], y [tokens, out].
struct Layer {
  std::unique_ptr<Device> device;
  StreamView stream;
  Tensor x, w, y, dw;
  Matmul matmul;

  Layer(const benchmark::State& state, DType dtype)
      : device(MakeCpuDevice(static_cast<int>(state.range(3)))),
        stream(device->stream()) {
    const int64_t tokens = state.range(0), in = state.range(1),
                  out = state.range(2);
    x = Filled(dtype, tokens, in);
    w = Filled(dtype, out, in);
    y = Filled(dtype, tokens, out);
    dw = Filled(DType::kF32, out, in);
  }

  Tensor Filled(DType dtype, int64_t rows, int64_t cols) {
    Tensor wide(*device, DType::kF32, rows, cols);
    Fill(stream, 0.5f, wide.data<float>(), rows * cols);
    Tensor filled(*device, dtype, rows, cols);
    Convert(stream, wide.view(), filled.view());
    return filled;
  }
};

void Report(benchmark::State& state) {
  using benchmark::Counter;
  const double gflops = 2e-9 * static_cast<double>(state.range(0)) *
                        static_cast<double>(state.range(1)) *
                        static_cast<double>(state.range(2));
  const double peak = FmaPeak(static_cast<int>(state.range(3)));
  state.counters["GF/s"] = Counter(gflops, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] =
      Counter(gflops / peak, Counter::kIsIterationInvariantRate);
}

void Forward(benchmark::State& state, DType dtype) {
  Layer l(state, dtype);
  MatmulOptions options;
  options.transpose_b = true;
  for (auto _ : state) {
    l.matmul.Run(l.stream, l.x.view(), l.w.view(), l.y.view(), options);
  }
  Report(state);
}

void InputGradient(benchmark::State& state, DType dtype) {
  Layer l(state, dtype);
  for (auto _ : state) {
    l.matmul.Run(l.stream, l.y.view(), l.w.view(), l.x.view());
  }
  Report(state);
}

void WeightGradient(benchmark::State& state, DType dtype) {
  Layer l(state, dtype);
  MatmulOptions options;
  options.transpose_a = options.accumulate = true;
  for (auto _ : state) {
    l.matmul.Run(l.stream, l.y.view(), l.x.view(), l.dw.view(), options);
  }
  Report(state);
}

// The layers of GPT-2 124M, and a tile of its vocabulary.
template <int kThreads>
void Layers(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMicrosecond);
  if (kThreads > 1) b->UseRealTime();
  for (int64_t tokens : {256, 1024}) {
    b->Args({tokens, 768, 2304, kThreads});
    b->Args({tokens, 768, 768, kThreads});
    b->Args({tokens, 768, 3072, kThreads});
    b->Args({tokens, 3072, 768, kThreads});
  }
  b->Args({256, 768, 50257, kThreads});
}

#define PERDURE_MATMUL_BENCHMARK(function)                           \
  BENCHMARK_CAPTURE(function, fp32, DType::kF32)->Apply(Layers<1>);  \
  BENCHMARK_CAPTURE(function, bf16, DType::kBF16)->Apply(Layers<1>); \
  BENCHMARK_CAPTURE(function, fp32, DType::kF32)->Apply(Layers<2>);  \
  BENCHMARK_CAPTURE(function, bf16, DType::kBF16)->Apply(Layers<2>)

PERDURE_MATMUL_BENCHMARK(Forward);
PERDURE_MATMUL_BENCHMARK(InputGradient);
PERDURE_MATMUL_BENCHMARK(WeightGradient);

}  // namespace
}  // namespace perdure::kernels

BENCHMARK_MAIN();
