#ifndef PERDURE_RUNTIME_NN_FAMILIES_H_
#define PERDURE_RUNTIME_NN_FAMILIES_H_

// What tells the families apart: the names of their parameters and a few
// switches. Private to runtime/nn.

#include "absl/strings/string_view.h"

namespace perdure {

// Names are without ".weight" and ".bias"; nullptr: the family has no such
// module. Those of a block follow `block_prefix` and the layer's number.
struct Family {
  const char* name;
  const char* token_embedding;
  const char* position_embedding;
  int extra_positions;  // rows of the position table before position 0
  const char* block_prefix;
  const char* norm1;
  const char* qkv;  // q, k and v in one tensor
  const char* q;
  const char* k;
  const char* v;
  const char* attention_out;
  const char* norm2;
  const char* gate;
  const char* up;
  const char* down;
  const char* final_norm;
  bool transposed;       // matrices are stored [in, out] (gpt2's Conv1D)
  bool norm_bias;        // LayerNorm; without: RMSNorm
  bool projection_bias;  // attention out and MLP
};

// The family of that name, which has been validated.
const Family& GetFamily(absl::string_view name);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_NN_FAMILIES_H_
