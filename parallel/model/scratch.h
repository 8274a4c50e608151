#ifndef PERDURE_PARALLEL_MODEL_SCRATCH_H_
#define PERDURE_PARALLEL_MODEL_SCRATCH_H_

// Working memory of a rank, shared by its blocks (they run one after the
// other). Legend: context.h; r is model.lora.rank.

#include "runtime/tensor/tensor.h"

namespace perdure {

struct Scratch {
  Tensor branch;  // [N, D] fp32: a branch's output, or the gradient of a norm's
                  // output
  Tensor branch_grad;  // [N, D] compute dtype
  Tensor qkv_grad;     // [N, (H + 2G) dh] compute dtype
  Tensor attn_grad;    // [N, H dh] compute dtype
  Tensor mlp_grad;     // [N, F] (gated: [N, 2F]) compute dtype
  Tensor act_grad;     // [N, F] compute dtype
  // Low-rank adapters; empty where the model has none.
  Tensor lora;         // [N, r] fp32
  Tensor lora_narrow;  // [N, r] compute dtype, where that is not fp32
  Tensor lora_wide;    // [N, the widest input or output] fp32; likewise
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_SCRATCH_H_
