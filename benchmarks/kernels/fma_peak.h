#ifndef PERDURE_BENCHMARKS_KERNELS_FMA_PEAK_H_
#define PERDURE_BENCHMARKS_KERNELS_FMA_PEAK_H_

namespace perdure::kernels {

// What `threads` threads reach with nothing but fp32 fma in registers, in GF/s:
// the sum of each one's rate in its own CPU time, so that other processes
// disturb it little. 0 where the CPU has no fma. Measured once a process.
double FmaPeak(int threads);

}  // namespace perdure::kernels

#endif  // PERDURE_BENCHMARKS_KERNELS_FMA_PEAK_H_
