#ifndef PERDURE_RUNTIME_KERNELS_ATTENTION_PREFIX_H_
#define PERDURE_RUNTIME_KERNELS_ATTENTION_PREFIX_H_

// The part of attention that is seen by all queries alike, options.prefix. A
// softmax over two sets of keys is a mean of the softmaxes over each, weighted
// by their sums of exp: so this is a pass of its own, behind the tiles of the
// forward pass and, with the merged log-sum-exp, behind those of the backward
// pass. Private to runtime/kernels.

#include "runtime/kernels/attention.h"
#include "runtime/kernels/attention_backward.h"

namespace perdure::kernels {

// out and lse, which are those of the queries' own sequences, become those of
// both.
void MergePrefix(StreamView stream, const AttentionShape& shape,
                 ConstMatrixView q, MatrixView out, float* lse,
                 const AttentionOptions& options);

// Adds to dq, prefix_dk and prefix_dv what comes through the prefix.
void AddPrefixGradients(StreamView stream, const BackwardCall& call);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_ATTENTION_PREFIX_H_
