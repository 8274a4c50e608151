#ifndef PERDURE_RUNTIME_KERNELS_SIMD_H_
#define PERDURE_RUNTIME_KERNELS_SIMD_H_

// Include before any Highway header: which instruction sets vector kernels are
// compiled for. AVX2 with FMA, AVX-512 and the scalar fallback; the SSE levels
// have no FMA, so that they would add a third rounding behaviour for machines
// that nobody trains on.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#endif

#endif  // PERDURE_RUNTIME_KERNELS_SIMD_H_
