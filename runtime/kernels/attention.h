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

struct AttentionOptions {
  float scale = 1;  // multiplies q.k, 1/sqrt(dh)
  // [B*T]: the first position (within its sequence) that a token sees; nullptr:
  // all see from 0. This is how attention stops at document boundaries. A token
  // sees itself in any case.
  const int32_t* first_visible = nullptr;
  AttentionDropout dropout;
};

// out: [B*T, H*dh]; lse: [B, H, T] fp32, log of the sum of exp (nullptr: not
// wanted).
void AttentionForward(StreamView stream, const AttentionShape& shape,
                      ConstMatrixView q, ConstMatrixView k, ConstMatrixView v,
                      MatrixView out, float* lse,
                      const AttentionOptions& options);

// dq, dk, dv are overwritten (fp32 or bf16). No atomics: the same bits for any
// thread count, as in the forward pass.
void AttentionBackward(StreamView stream, const AttentionShape& shape,
                       ConstMatrixView q, ConstMatrixView k, ConstMatrixView v,
                       ConstMatrixView out, const float* lse,
                       ConstMatrixView dout, MatrixView dq, MatrixView dk,
                       MatrixView dv, const AttentionOptions& options);

// One new token a sequence against a cache: q, out [B, H*dh]; cached keys and
// values of sequence b, position p are row b * capacity + p of k and v; the
// first lengths[b] are valid (the new token's own included).
void AttentionDecode(StreamView stream, const AttentionShape& shape,
                     ConstMatrixView q, ConstMatrixView k, ConstMatrixView v,
                     int64_t capacity, const int32_t* lengths, float scale,
                     MatrixView out);

// Rotary positions (Su et al. 2021) in Hugging Face's layout: element i of a
// head's first half pairs with element i of its second half, angle
// position / theta^(2 i / dh), rounded to fp32 as Hugging Face rounds it. In
// place; x: [N, heads * dh], positions: [N]; dh even.
// inverse = true turns back: the backward pass.
void RotaryEmbedding(StreamView stream, MatrixView x, int64_t heads,
                     int64_t head_dim, const int32_t* positions, double theta,
                     bool inverse);

}  // namespace perdure::kernels

#endif  // PERDURE_RUNTIME_KERNELS_ATTENTION_H_
