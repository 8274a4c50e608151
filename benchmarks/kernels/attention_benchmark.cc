// Attention forward, backward and decode: GF/s of the visible (causal) part,
// and its share of the fp32 fma peak that as many threads reach here. One
// thread is timed in CPU time, more in wall time (then nothing else may run).
//   bench_attention --benchmark_filter=Forward
// Arguments: B, T, H, kv heads, dh, threads. Flops counted: 4 dh a visible pair
// of query and key forward, 10 dh backward.
#include <cmath>
#include <memory>
#include <vector>

#include "benchmark/benchmark.h"
#include "benchmarks/kernels/fma_peak.h"
#include "runtime/device/device.h"
#include "runtime/kernels/attention.h"
#include "runtime/tensor/tensor.h"

namespace perdure::kernels {
namespace {

struct Problem {
  std::unique_ptr<Device> device;
  AttentionShape shape;
  Tensor qkv, out, dqkv, lse;
  AttentionOptions options;

  Problem(const benchmark::State& state, DType dtype)
      : device(MakeCpuDevice(static_cast<int>(state.range(5)))),
        shape{state.range(0), state.range(1), state.range(2), state.range(3),
              state.range(4)} {
    const int64_t rows = shape.batch * shape.tokens;
    const int64_t cols = (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
    qkv = Tensor(*device, dtype, rows, cols);
    dqkv = Tensor(*device, dtype, rows, cols);
    out = Tensor(*device, dtype, rows, shape.heads * shape.head_dim);
    lse = Tensor(*device, DType::kF32, shape.batch * shape.heads, shape.tokens);
    std::vector<float> noise(rows * cols);
    for (size_t i = 0; i < noise.size(); ++i) noise[i] = std::sin(1.7f * i);
    ConvertElements(DType::kF32, noise.data(), dtype, qkv.view().data,
                    rows * cols);
    options.scale = 1 / std::sqrt(static_cast<float>(shape.head_dim));
  }
  template <typename View>
  View Part(View fused, int kind) const {
    const int64_t dh = shape.head_dim, kv = shape.kv_heads * dh;
    if (kind == 0) return fused.Columns(0, shape.heads * dh);
    return fused.Columns(shape.heads * dh + (kind - 1) * kv, kv);
  }
  void Forward() {
    const ConstMatrixView in = qkv.view();
    AttentionForward(device->stream(), shape,
                     {Part(in, 0), Part(in, 1), Part(in, 2)}, out.view(),
                     lse.data<float>(), options);
  }
  void Backward() {  // of the loss out^2 / 2
    const ConstMatrixView in = qkv.view();
    const MatrixView grad = dqkv.view();
    AttentionBackward(device->stream(), shape,
                      {Part(in, 0), Part(in, 1), Part(in, 2)},
                      {out.view(), lse.data<float>(), out.view()},
                      {Part(grad, 0), Part(grad, 1), Part(grad, 2)}, options);
  }
  double VisiblePairs() const {
    return 0.5 * shape.batch * shape.heads * shape.tokens * (shape.tokens + 1);
  }
};

void Report(benchmark::State& state, double flops) {
  using benchmark::Counter;
  const double gflops = flops / 1e9;
  state.counters["GF/s"] = Counter(gflops, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] =
      Counter(gflops / FmaPeak(static_cast<int>(state.range(5))),
              Counter::kIsIterationInvariantRate);
}

void Forward(benchmark::State& state, DType dtype) {
  Problem problem(state, dtype);
  for (auto _ : state) problem.Forward();
  Report(state, 4.0 * problem.shape.head_dim * problem.VisiblePairs());
}

void Backward(benchmark::State& state, DType dtype) {
  Problem problem(state, dtype);
  problem.Forward();
  for (auto _ : state) problem.Backward();
  Report(state, 10.0 * problem.shape.head_dim * problem.VisiblePairs());
}

// One token a sequence against T cached ones; bytes of keys and values read.
void Decode(benchmark::State& state, DType dtype) {
  Problem problem(state, dtype);
  const AttentionShape& s = problem.shape;
  const std::vector<int32_t> lengths(s.batch, static_cast<int32_t>(s.tokens));
  const ConstMatrixView in = problem.qkv.view();
  for (auto _ : state) {
    AttentionDecode(
        problem.device->stream(), s, problem.Part(in, 0).Rows(0, s.batch),
        {problem.Part(in, 1), problem.Part(in, 2), s.tokens, lengths.data()},
        problem.options.scale, problem.out.view().Rows(0, s.batch));
  }
  state.SetBytesProcessed(state.iterations() * 2 * s.batch * s.tokens *
                          s.kv_heads * s.head_dim * SizeOf(dtype));
}

void OneThread(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMicrosecond);
  for (int64_t tokens : {64, 256, 1024}) {
    b->Args({4, tokens, 12, 12, 64, 1});  // GPT-2 124M
  }
  b->Args({1, 1024, 16, 16, 32, 1});
  b->Args({1, 1024, 16, 16, 48, 1});
  b->Args({1, 1024, 8, 2, 128, 1});
}

void TwoThreads(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMicrosecond)->UseRealTime();
  for (int64_t tokens : {64, 256, 1024}) {
    b->Args({4, tokens, 12, 12, 64, 2});
  }
}

#define PERDURE_ATTENTION_BENCHMARK(function)                        \
  BENCHMARK_CAPTURE(function, fp32, DType::kF32)->Apply(OneThread);  \
  BENCHMARK_CAPTURE(function, fp32, DType::kF32)->Apply(TwoThreads); \
  BENCHMARK_CAPTURE(function, bf16, DType::kBF16)->Apply(OneThread)

PERDURE_ATTENTION_BENCHMARK(Forward);
PERDURE_ATTENTION_BENCHMARK(Backward);
PERDURE_ATTENTION_BENCHMARK(Decode);

}  // namespace
}  // namespace perdure::kernels

BENCHMARK_MAIN();
