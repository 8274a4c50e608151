// The noise and the zeroth-order step.
//   bench_noise
// Fill: numbers a second into a buffer that stays in the first-level cache, for
// every instruction set, beside std::mt19937 with std::normal_distribution.
// Step: 124 million parameters; of_memory is the share of the speed of the same
// reads and writes with one addition each, measured in the same run; memcpy is
// that of the weights. Arguments: threads. One thread is timed in CPU time,
// more in wall time (then nothing else may run).
#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "runtime/device/device.h"
#include "runtime/optim/zeroth_order.h"
#include "runtime/tensor/tensor.h"

namespace perdure {
namespace {

using benchmark::Counter;

constexpr int64_t kBuffer = 4096;
constexpr int64_t kParameters = 124'000'000;
constexpr int64_t kGrain = 1 << 16;

void Fill(benchmark::State& state, ZerothOrderKernels kernels, NoiseKind kind) {
  std::vector<float> out(kBuffer);
  Direction direction = {DirectionKey(1, "w"), kind, 1, 0};
  for (auto _ : state) {
    kernels.fill(direction, 0, kBuffer, out.data());
    benchmark::DoNotOptimize(out.data());
    ++direction.step;
  }
  state.counters["numbers/s"] =
      Counter(static_cast<double>(kBuffer), Counter::kIsIterationInvariantRate);
}

void FillStandardLibrary(benchmark::State& state) {
  std::vector<float> out(kBuffer);
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (auto _ : state) {
    for (float& x : out) x = normal(generator);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["numbers/s"] =
      Counter(static_cast<double>(kBuffer), Counter::kIsIterationInvariantRate);
}

// What a step does to each parameter, and in what dtype.
struct Work {
  DType dtype;
  NoiseKind kind;
  int updates;  // 0 or more
  bool probes;  // both signs are made
  Rounding rounding = Rounding::kStochastic;
};

// A step's reads and writes of 2- or 4-byte elements, next to no arithmetic.
template <typename T>
void TouchSpan(const Work& work, T* theta, T* plus, T* minus, int64_t n) {
  if (work.updates > 0 && !work.probes) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) theta[i] += 1;
  } else if (work.updates == 0) {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      plus[i] = theta[i] + 1;
      minus[i] = theta[i] - 1;
    }
  } else {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      theta[i] += 1;
      plus[i] = theta[i] + 1;
      minus[i] = theta[i] - 1;
    }
  }
}

class Parameters {
 public:
  Parameters(const Work& work, int threads)
      : work_(work), device_(MakeCpuDevice(threads)) {
    for (Tensor* tensor : {&theta_, &plus_, &minus_}) {
      *tensor = Tensor(*device_, work.dtype, 1, kParameters);
      ForEachSpan([&](int64_t begin, int64_t n) {
        std::memset(At(*tensor, begin), 0, n * SizeOf(work.dtype));
      });
    }
    for (int t = 1; t <= work.updates; ++t) {
      ZerothOrderUpdate update;
      update.step = t;
      update.kind = work.kind;
      update.coefficients = {1e-6f};
      updates_.push_back(update);
    }
  }

  void Step() {
    const TensorNoise noise = {DirectionKey(1, "w"), RoundingKey(1, "w"), true,
                               work_.rounding};
    const ZerothOrderKernels& kernels = BestZerothOrderKernels();
    ForEachSpan([&](int64_t begin, int64_t n) {
      const Perturbation probe = {
          work_.kind, 2, 0, 1e-3f, At(plus_, begin), At(minus_, begin)};
      kernels.apply(noise, updates_,
                    {begin, n, work_.dtype, At(theta_, begin), nullptr},
                    work_.probes ? &probe : nullptr);
    });
  }

  void Touch() {
    ForEachSpan([&](int64_t begin, int64_t n) {
      work_.dtype == DType::kF32 ? TouchTyped<uint32_t>(begin, n)
                                 : TouchTyped<uint16_t>(begin, n);
    });
  }

  void Copy() {
    ForEachSpan([&](int64_t begin, int64_t n) {
      std::memcpy(At(plus_, begin), At(theta_, begin), n * SizeOf(work_.dtype));
    });
  }

  // Seconds of one call, the best of several, on the clock of the benchmark.
  double Best(void (Parameters::*function)()) {
    double best = 1e9;
    for (int repeat = 0; repeat < 6; ++repeat) {
      const double begin = Seconds();
      (this->*function)();
      best = std::min(best, Seconds() - begin);
    }
    return best;
  }

 private:
  template <typename Body>
  void ForEachSpan(Body&& body) {
    ParallelFor(device_->stream(), kParameters, kGrain,
                [&](int64_t begin, int64_t end) { body(begin, end - begin); });
  }
  void* At(Tensor& tensor, int64_t begin) {
    return static_cast<char*>(tensor.view().data) + begin * SizeOf(work_.dtype);
  }
  template <typename T>
  void TouchTyped(int64_t begin, int64_t n) {
    TouchSpan(work_, static_cast<T*>(At(theta_, begin)),
              static_cast<T*>(At(plus_, begin)),
              static_cast<T*>(At(minus_, begin)), n);
  }
  double Seconds() const {
    timespec now;
    clock_gettime(device_->stream().threads == 1 ? CLOCK_THREAD_CPUTIME_ID
                                                 : CLOCK_MONOTONIC,
                  &now);
    return static_cast<double>(now.tv_sec) +
           1e-9 * static_cast<double>(now.tv_nsec);
  }

  Work work_;
  std::unique_ptr<Device> device_;
  Tensor theta_, plus_, minus_;
  std::vector<ZerothOrderUpdate> updates_;
};

void Step(benchmark::State& state, const Work& work) {
  Parameters parameters(work, static_cast<int>(state.range(0)));
  const double touch = parameters.Best(&Parameters::Touch);
  const double copy = parameters.Best(&Parameters::Copy);
  for (auto _ : state) parameters.Step();
  state.counters["params/s"] = Counter(static_cast<double>(kParameters),
                                       Counter::kIsIterationInvariantRate);
  state.counters["of_memory"] =
      Counter(touch, Counter::kIsIterationInvariantRate);
  state.counters["memory_ms"] = 1e3 * touch;
  state.counters["memcpy_ms"] = 1e3 * copy;
}

void RegisterSteps() {
  constexpr NoiseKind kG = NoiseKind::kGaussian;
  constexpr NoiseKind kR = NoiseKind::kRademacher;
  const struct {
    const char* name;
    Work work;
  } cases[] = {{"gaussian/fp32/update", {DType::kF32, kG, 1, false}},
               {"gaussian/fp32/probes", {DType::kF32, kG, 0, true}},
               {"gaussian/fp32/update+probes", {DType::kF32, kG, 1, true}},
               {"gaussian/fp32/replay16", {DType::kF32, kG, 16, false}},
               {"gaussian/bf16/update", {DType::kBF16, kG, 1, false}},
               {"gaussian/bf16/update+probes", {DType::kBF16, kG, 1, true}},
               {"gaussian/bf16/replay16", {DType::kBF16, kG, 16, false}},
               {"rademacher/fp32/update", {DType::kF32, kR, 1, false}},
               {"rademacher/fp32/update+probes", {DType::kF32, kR, 1, true}},
               {"rademacher/bf16/update", {DType::kBF16, kR, 1, false}},
               {"rademacher/bf16/update+probes", {DType::kBF16, kR, 1, true}}};
  for (const auto& [name, work] : cases) {
    for (const int threads : {1, 2}) {
      auto* registered = benchmark::RegisterBenchmark(
          (std::string("Step/") + name).c_str(), Step, work);
      registered->Unit(benchmark::kMillisecond)->Arg(threads);
      if (threads > 1) registered->UseRealTime();
    }
  }
}

void RegisterFills() {
  for (const ZerothOrderKernels& kernels : AllZerothOrderKernels()) {
    const std::string isa = kernels.isa;
    benchmark::RegisterBenchmark(("Fill/gaussian/" + isa).c_str(), Fill,
                                 kernels, NoiseKind::kGaussian);
    benchmark::RegisterBenchmark(("Fill/rademacher/" + isa).c_str(), Fill,
                                 kernels, NoiseKind::kRademacher);
  }
  benchmark::RegisterBenchmark("Fill/gaussian/std::normal_distribution",
                               FillStandardLibrary);
}

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  perdure::RegisterFills();
  perdure::RegisterSteps();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
