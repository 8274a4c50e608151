// Replay of zeroth-order steps: 124 million parameters, n steps in one pass.
//   bench_replay
// seconds/step is what one step costs; memory_pass_s what reading and writing
// all weights once takes, measured in the same run: no step that is replayed
// alone could be faster than that, steps of one pass share it. Arguments: steps
// a pass, directions. One thread, CPU time.
#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "runtime/device/device.h"
#include "runtime/optim/zeroth_order.h"
#include "runtime/tensor/tensor.h"

namespace perdure {
namespace {

using benchmark::Counter;

constexpr int64_t kParameters = 124'000'000;
constexpr int64_t kSpan = 1 << 14;  // as the engine cuts tensors

class Weights {
 public:
  explicit Weights(DType dtype)
      : dtype_(dtype),
        device_(MakeCpuDevice(1)),
        data_(*device_, dtype, 1, kParameters) {
    Touch();
  }

  void* At(int64_t i) {
    return static_cast<char*>(const_cast<void*>(data_.view().data)) +
           i * SizeOf(dtype_);
  }

  void Replay(const std::vector<ZerothOrderUpdate>& updates) {
    const TensorNoise noise = {DirectionKey(1, "w"), RoundingKey(1, "w"), false,
                               Rounding::kStochastic};
    for (int64_t i = 0; i < kParameters; i += kSpan) {
      const int64_t n = std::min(kSpan, kParameters - i);
      BestZerothOrderKernels().apply(noise, updates,
                                     {i, n, dtype_, At(i), nullptr}, nullptr);
    }
  }

  // Reads and writes every word.
  void Touch() {
    uint32_t* words = static_cast<uint32_t*>(At(0));
    const int64_t n = kParameters * SizeOf(dtype_) / 4;
    for (int64_t i = 0; i < n; ++i) words[i] += 1;
    benchmark::ClobberMemory();
  }

 private:
  const DType dtype_;
  std::unique_ptr<Device> device_;
  Tensor data_;
};

std::vector<ZerothOrderUpdate> Updates(int64_t steps, int64_t directions,
                                       NoiseKind kind) {
  std::vector<ZerothOrderUpdate> updates;
  for (int64_t step = 1; step <= steps; ++step) {
    ZerothOrderUpdate update;
    update.step = step;
    update.kind = kind;
    update.coefficients.assign(static_cast<size_t>(directions), 1e-6f);
    updates.push_back(std::move(update));
  }
  return updates;
}

void Replay(benchmark::State& state, DType dtype, NoiseKind kind) {
  Weights weights(dtype);
  const auto updates = Updates(state.range(0), state.range(1), kind);
  double touch = 0;
  for (auto _ : state) {
    weights.Replay(updates);
    state.PauseTiming();
    const double start = static_cast<double>(std::clock());
    weights.Touch();
    touch += (static_cast<double>(std::clock()) - start) / CLOCKS_PER_SEC;
    state.ResumeTiming();
  }
  const double passes = static_cast<double>(state.iterations());
  state.counters["seconds/step"] =
      Counter(static_cast<double>(state.range(0)),
              Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["memory_pass_s"] = touch / passes;
}

void Register() {
  const std::vector<std::pair<const char*, DType>> dtypes = {
      {"fp32", DType::kF32}, {"bf16", DType::kBF16}};
  const std::vector<std::pair<const char*, NoiseKind>> kinds = {
      {"gaussian", NoiseKind::kGaussian},
      {"rademacher", NoiseKind::kRademacher}};
  for (const auto& [dtype_name, dtype] : dtypes) {
    for (const auto& [kind_name, kind] : kinds) {
      const std::string name =
          std::string("Replay/") + dtype_name + "/" + kind_name;
      auto* benchmark = benchmark::RegisterBenchmark(
          name.c_str(), [dtype = dtype, kind = kind](benchmark::State& state) {
            Replay(state, dtype, kind);
          });
      for (int64_t steps : {1, 4, 16, 64}) benchmark->Args({steps, 1});
      benchmark->Args({4, 4})->Iterations(1)->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) {
  perdure::Register();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
