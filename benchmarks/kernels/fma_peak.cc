#include "benchmarks/kernels/fma_peak.h"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <map>
#include <numeric>
#include <vector>

#include "runtime/device/device.h"

namespace perdure::kernels {
namespace {

constexpr int64_t kRounds = 2'000'000;
constexpr int kChains = 12;  // latency 4 or 5, two a cycle: 10 would do

// In assembler, because a compiler must neither fold nor spill them. The values
// (whatever the registers hold, times 0) do not matter.
#define PERDURE_FMA(reg, chain) \
  "vfmadd231ps %%" reg "0, %%" reg "1, %%" reg chain "\n"
#define PERDURE_FMA_ROUND(reg)                                                 \
  asm volatile("vpxor %%xmm0, %%xmm0, %%xmm0\n" PERDURE_FMA(reg, "2")          \
                   PERDURE_FMA(reg, "3") PERDURE_FMA(reg, "4") PERDURE_FMA(    \
                       reg, "5") PERDURE_FMA(reg, "6") PERDURE_FMA(reg, "7")   \
                       PERDURE_FMA(reg, "8") PERDURE_FMA(reg, "9")             \
                           PERDURE_FMA(reg, "10") PERDURE_FMA(reg, "11")       \
                               PERDURE_FMA(reg, "12") PERDURE_FMA(reg, "13"):: \
                                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",   \
                                     "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",   \
                                     "xmm10", "xmm11", "xmm12", "xmm13")

double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec);
}

double RateOfThisThread(bool wide) {
  const double begin = ThreadSeconds();
  if (wide) {
    for (int64_t i = 0; i < kRounds; ++i) PERDURE_FMA_ROUND("zmm");
  } else {
    for (int64_t i = 0; i < kRounds; ++i) PERDURE_FMA_ROUND("ymm");
  }
  const double seconds = ThreadSeconds() - begin;
  return 2.0 * kChains * (wide ? 16 : 8) * kRounds / seconds / 1e9;
}

double Measure(int threads) {
  if (!__builtin_cpu_supports("fma")) return 0;
  const bool wide = __builtin_cpu_supports("avx512f");
  std::vector<double> best(threads, 0.0);
  for (int repeat = 0; repeat < 5; ++repeat) {
    ParallelFor({nullptr, threads, nullptr}, threads, 1,
                [&](int64_t thread, int64_t) {
                  best[thread] = std::max(best[thread], RateOfThisThread(wide));
                });
  }
  return std::accumulate(best.begin(), best.end(), 0.0);
}

}  // namespace

double FmaPeak(int threads) {
  static std::map<int, double> measured;
  const auto [it, is_new] = measured.try_emplace(threads, 0);
  if (is_new) it->second = Measure(threads);
  return it->second;
}

}  // namespace perdure::kernels
