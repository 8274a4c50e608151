#ifndef PERDURE_RUNTIME_KERNELS_ATTENTION_H_
#define PERDURE_RUNTIME_KERNELS_ATTENTION_H_

// Causal attention in tiles (FlashAttention: Dao et al. 2022), O(T) memory,
// with grouped key-value heads and rotary positions. B sequences, T tokens
// each, H query heads, G key-value heads (G divides H), dh head width. q: [B*T,
// H*dh]; k, v: [B*T, G*dh]; rows may be strided (parts of a fused qkv buffer).
// fp32 or bf16; sums and softmax in fp32.

#include <cstdint>

#include "runtime/base/philox.h"
#include "runtime/device/device.h"
#include "runtime/tensor/view.h"

namespace perdure::kernels {

struct AttentionShape {
  int64_t batch = 0;     // B
  int64_t tokens = 0;    // T
  int64_t heads = 0;     // H, of this rank
  int64_t kv_heads = 0;  // G, of this rank
  int64_t head_dim = 0;  // dh
};

// Noise for attention dropout: the bit of (sequence, head, query, key) does not
// depend on how heads and sequences are spread over ranks. The probability of
// positions (query, key) is dropped iff
//   UniformFromBits(Philox4x32(counter, key)[key_position % 4]) < probability,
// else scaled by 1 / (1 - probability), where the counter is
//   { key_position / 4,
//     query_position,
//     low 32 bits of the sequence number,
//     0x80000000 | (upper bits of the sequence number) << 16 | global head }.
// Positions count from the sequence's first token. Sequence numbers are below
// 2^47, global heads below 2^16; the set top bit keeps these counters apart
// from those of Dropout (elementwise.h).
struct AttentionDropout {
  float probability = 0;              // 0: none
  PhiloxKey key{};                    // of (seed, step, layer)
  const int64_t* sequence = nullptr;  // [B] global sequence numbers
  int64_t first_head = 0;  // global number of this rank's first query head
};

// Keys and values that every query sees beside those of its own sequence
// (prefix tuning: Li & Liang 2021), of q's dtype. For the noise of dropout the
// key of row p counts as position 2^31 + p.
struct AttentionPrefix {
  ConstMatrixView k;  // [P, G*dh]; P = 0: there are none
  ConstMatrixView v;  // [P, G*dh]
};

struct AttentionOptions {
  float scale = 1;  // multiplies q.k, 1/sqrt(dh)
  // [B*T]: the first position (within its sequence) that a token sees; nullptr:
  // all see from 0. This is how attention stops at document boundaries. A token
  // sees itself in any case.
  const int32_t* first_visible = nullptr;
  AttentionDropout dropout;
  AttentionPrefix prefix;
};

struct AttentionInputs {
  ConstMatrixView q;  // [B*T, H*dh]
  ConstMatrixView k;  // [B*T, G*dh]
  ConstMatrixView v;  // [B*T, G*dh]
};

// out: [B*T, H*dh]; lse: [B, H, T] fp32, log of the sum of exp (nullptr: not
// wanted).
void AttentionForward(StreamView stream, const AttentionShape& shape,
                      const AttentionInputs& inputs, MatrixView out, float* lse,
                      const AttentionOptions& options);

// What the forward pass wrote, and the gradient of it.
struct AttentionOutputs {
  ConstMatrixView out;         // [B*T, H*dh]
  const float* lse = nullptr;  // [B, H, T]
  ConstMatrixView dout;        // [B*T, H*dh], of out's dtype
};

// Of the shapes of q, k and v, fp32 or bf16.
struct AttentionGradients {
  MatrixView dq;
  MatrixView dk;
  MatrixView dv;
  // [P, G*dh] fp32: those of the prefix are added to these; empty: not wanted.
  MatrixView prefix_dk = {};
  MatrixView prefix_dv = {};
};

// dq, dk and dv are overwritten. No atomics: the same bits for any thread
// count, as in the forward pass.
void AttentionBackward(StreamView stream, const AttentionShape& shape,
                       const AttentionInputs& inputs,
                       const AttentionOutputs& outputs,
                       const AttentionGradients& gradients,
                       const AttentionOptions& options);

// The keys and values of sequence b, position p are row b * capacity + p of k
// and v, [B*capacity, G*dh]; the first lengths[b] >= 1 of a sequence are valid.
struct AttentionCache {
  ConstMatrixView k;
  ConstMatrixView v;
  int64_t capacity = 0;
  const int32_t* lengths = nullptr;  // [B]
};

// One new token a sequence against a cache, in which the token's own key and
// value already are (and those of a prefix, before all others): q, out [B,
// H*dh].
void AttentionDecode(StreamView stream, const AttentionShape& shape,
                     ConstMatrixView q, const AttentionCache& cache,
                     float scale, MatrixView out);

// Rotary positions (Su et al. 2021) in Hugging Face's layout: element i of a
// head's first half pairs with element i of its second half, angle
// position / theta^(2 i / dh), rounded to fp32 as Hugging Face rounds it. In
// place; x: [N, heads * dh], positions: [N]; dh even.
struct Rotation {
  int64_t head_dim = 0;  // dh
  double theta = 10000;
  bool inverse = false;  // turns back: the backward pass
};
void RotaryEmbedding(StreamView stream, MatrixView x, int64_t heads,
                     const int32_t* positions, const Rotation& rotation);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_ATTENTION_H_
