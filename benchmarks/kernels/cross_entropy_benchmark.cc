// Cross-entropy over GPT-2's vocabulary and the noise of dropout, in elements a
// second. One thread is timed in CPU time, more in wall time (then nothing else
// may run).
//   bench_cross_entropy
// Arguments: rows, columns, threads.
#include <memory>
#include <numeric>
#include <vector>

#include "benchmark/benchmark.h"
#include "runtime/device/device.h"
#include "runtime/kernels/cross_entropy.h"
#include "runtime/kernels/elementwise.h"
#include "runtime/tensor/tensor.h"

namespace perdure::kernels {
namespace {

struct Tile {
  std::unique_ptr<Device> device;
  StreamView stream;
  Tensor logits, gradient;
  std::vector<int32_t> targets;
  std::vector<int64_t> row_ids;
  std::vector<LogitStats> stats;

  explicit Tile(const benchmark::State& state)
      : device(MakeCpuDevice(static_cast<int>(state.range(2)))),
        stream(device->stream()),
        logits(*device, DType::kF32, state.range(0), state.range(1)),
        gradient(*device, DType::kF32, state.range(0), state.range(1)),
        targets(logits.rows(), 7),
        row_ids(logits.rows()),
        stats(logits.rows()) {
    Fill(stream, 0.5f, logits.data<float>(), logits.rows() * logits.cols());
    Fill(stream, 0, gradient.data<float>(), logits.rows() * logits.cols());
    std::iota(row_ids.begin(), row_ids.end(), 0);
  }
  void Statistics() {
    LogitStatistics(stream, logits.view(), targets.data(), 0, stats.data());
  }
  void Backward() {
    CrossEntropyBackward(stream, logits.view(),
                         {stats.data(), targets.data(), nullptr}, 0,
                         gradient.view());
  }
};

void Report(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(1));
}

void Statistics(benchmark::State& state) {
  Tile tile(state);
  for (auto _ : state) tile.Statistics();
  Report(state);
}

void Gradient(benchmark::State& state) {
  Tile tile(state);
  tile.Statistics();
  for (auto _ : state) tile.Backward();
  Report(state);
}

void DropoutRows(benchmark::State& state) {
  Tile tile(state);
  for (auto _ : state) {
    Dropout(tile.stream, 0.1f, {1, 2}, tile.row_ids.data(), tile.logits.view());
  }
  Report(state);
}

void Sizes(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMillisecond)->Args({256, 50257, 1});
}
void TwoThreads(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMillisecond)->UseRealTime()->Args({256, 50257, 2});
}

BENCHMARK(Statistics)->Apply(Sizes);
BENCHMARK(Gradient)->Apply(Sizes);
BENCHMARK(DropoutRows)->Unit(benchmark::kMicrosecond)->Args({1024, 768, 1});
BENCHMARK(Statistics)->Apply(TwoThreads);
BENCHMARK(Gradient)->Apply(TwoThreads);

}  // namespace
}  // namespace perdure::kernels

BENCHMARK_MAIN();
