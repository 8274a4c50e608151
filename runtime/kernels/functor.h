#ifndef PERDURE_RUNTIME_KERNELS_FUNCTOR_H_
#define PERDURE_RUNTIME_KERNELS_FUNCTOR_H_

// Marks the scalar formula of an element-wise operation, written once: CPU
// loops inline it (and so compile it for each instruction set), CUDA kernels
// call it a thread.
#ifdef __CUDACC__
#define PERDURE_FUNCTOR __host__ __device__ inline
#else
#define PERDURE_FUNCTOR inline __attribute__((always_inline))
#endif

#endif  // PERDURE_RUNTIME_KERNELS_FUNCTOR_H_
