#ifndef PERDURE_RUNTIME_KERNELS_CROSS_ENTROPY_H_
#define PERDURE_RUNTIME_KERNELS_CROSS_ENTROPY_H_

// Softmax cross-entropy on a tile of logits: n rows, V columns of a vocabulary
// that may be split over ranks (this rank holds ids first_id .. first_id + V).
// Two passes with an exchange between them:
//   local statistics -> (all-gather, merge) -> loss and gradient.

#include <cstdint>

#include "runtime/device/device.h"
#include "runtime/tensor/view.h"

namespace perdure::kernels {

struct LogitStats {
  float max;      // over this rank's columns
  float sum_exp;  // sum of exp(logit - max)
  float target;   // the target's logit; 0 where it is another rank's
};

// logits [n, V] fp32; targets [n].
void LogitStatistics(StreamView stream, ConstMatrixView logits,
                     const int32_t* targets, int64_t first_id,
                     LogitStats* stats);

// The statistics of the whole vocabulary from those of `parts` ranks
// (parts * n entries, rank-major), merged in rank order. merged may be stats.
void MergeLogitStats(const LogitStats* stats, int parts, int64_t n,
                     LogitStats* merged);

// loss[i] = weight[i] * (log sum exp - target), fp64; 0 where the weight is 0.
// weights nullptr: all 1.
void CrossEntropyLoss(const LogitStats* merged, const float* weights, int64_t n,
                      double* loss);

// What the gradient of n rows needs beside their logits.
struct CrossEntropyRows {
  const LogitStats* merged = nullptr;  // [n], of the whole vocabulary
  const int32_t* targets = nullptr;    // [n]
  const float* weights = nullptr;      // [n]; nullptr: all 1
};

// dlogits [n, V] (fp32 or bf16; may be logits) =
//   weight[i] * (softmax - onehot).
void CrossEntropyBackward(StreamView stream, ConstMatrixView logits,
                          const CrossEntropyRows& rows, int64_t first_id,
                          MatrixView dlogits);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_CROSS_ENTROPY_H_
