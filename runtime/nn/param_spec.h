#ifndef PERDURE_RUNTIME_NN_PARAM_SPEC_H_
#define PERDURE_RUNTIME_NN_PARAM_SPEC_H_

// One declaration of every parameter (design I1): its Hugging Face name and
// shape, how tensor parallelism cuts it, where it lives. Nothing else knows how
// a parameter is split. A model's specs are a pure function of its config.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"
#include "runtime/config/model.pb.h"
#include "runtime/topology/topology.h"

namespace perdure {

// What a block uses a parameter for.
enum class ParamRole {
  kTokenEmbedding,
  kPositionEmbedding,
  kNorm1Weight,
  kNorm1Bias,
  kQkvWeight,
  kQkvBias,  // gpt2: one fused tensor
  kQWeight,
  kKWeight,
  kVWeight,  // opt, llama
  kQBias,
  kKBias,
  kVBias,
  kAttnOutWeight,
  kAttnOutBias,
  kNorm2Weight,
  kNorm2Bias,
  kGateWeight,
  kUpWeight,
  kUpBias,  // up: also the first matrix of a plain MLP
  kDownWeight,
  kDownBias,
  // Low-rank adapters: A [r, in] and B [out, r] of the weight so called.
  kQkvLoraA,
  kQkvLoraB,
  kQLoraA,
  kQLoraB,
  kKLoraA,
  kKLoraB,
  kVLoraA,
  kVLoraB,
  kAttnOutLoraA,
  kAttnOutLoraB,
  kGateLoraA,
  kGateLoraB,
  kUpLoraA,
  kUpLoraB,
  kDownLoraA,
  kDownLoraB,
  // Keys and values that all tokens see: [tokens, G dh].
  kPrefixK,
  kPrefixV,
  kFinalNormWeight,
  kFinalNormBias,
  kHeadWeight,
};

// The adapter's roles of a linear layer's weight; none for other roles.
struct LoraRoles {
  ParamRole a;
  ParamRole b;
};
std::optional<LoraRoles> LoraRolesOf(ParamRole weight);
// Of low-rank adapters and prefixes.
bool IsAdapter(ParamRole role);

// kUniform: centred at 0.
enum class Init { kZeros, kOnes, kNormal, kUniform };

struct ParamSpec {
  std::string name;  // canonical Hugging Face name, prefix included
  ParamRole role;
  std::vector<int64_t> shape;  // 1 or 2 dims, whole tensor, unpadded
  // Tensor parallelism: -1 replicated, else the dim that is cut. Along it lie
  // `parts` one after the other; each consists of `units` equal units, and rank
  // r of tp takes EvenPart(units, tp, r) of every part.
  int split_dim = -1;
  struct Part {
    int64_t size;
    int64_t units;
  };
  std::vector<Part> parts;
  // 0: embedding; 1 .. layers: transformer block; layers + 1: final norm +
  // head.
  int block = 0;
  // Laid out right behind the spec before it, so that the two are one matrix
  // for a fused product (q,k,v; gate,up).
  bool fused_with_previous = false;
  // Weights shared with this name: one parameter, one copy on disk. Set on the
  // head of a tied model; where its stage also holds the other, they are one.
  std::string alias_of;
  Init init = Init::kNormal;
  double init_std = 0.02;  // kNormal, kUniform
  bool decay = false;
  bool trainable = true;

  int64_t size() const {
    return shape.size() == 1 ? shape[0] : shape[0] * shape[1];
  }
  bool is_matrix() const { return shape.size() == 2; }
};

// A run of consecutive elements that a shard shares with the whole tensor
// (row-major, in elements).
struct ShardRun {
  int64_t global_offset;
  int64_t local_offset;
  int64_t length;
  friend bool operator==(const ShardRun&, const ShardRun&) = default;
};

// The local shape of the shard of `tp_rank`.
std::vector<int64_t> ShardShape(const ParamSpec& spec, int tp, int tp_rank);
// Its runs, by ascending local offset; together they cover the shard. Adjacent
// runs are merged: a replicated tensor, or one split on dim 0 in one part, is
// one run.
std::vector<ShardRun> ShardRuns(const ParamSpec& spec, int tp, int tp_rank);

// All parameters of a model whose config is resolved, by block.
// The head of a tied model is listed with `alias_of` set.
std::vector<ParamSpec> ModelParams(const ModelConfig& model);
// Elements of all distinct parameters, and of those that are trained.
int64_t CountParams(const std::vector<ParamSpec>& specs);
int64_t CountTrainable(const std::vector<ParamSpec>& specs);

// Whether model.lora adapts the linear layer of that whole name.
bool IsLoraTarget(const ModelConfig& model, absl::string_view module);

// Everything that makes (model, topology) impossible: "topology.tp: 4 exceeds
// model.kv_heads = 2; ...". Empty: fine.
std::vector<std::string> CheckModelTopology(const ModelConfig& model,
                                            const Topology& topology);

// Blocks [begin, end) of 0 .. layers + 1 on pipeline stage `stage`.
Range StageBlocks(const ModelConfig& model, int pp, int stage);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_NN_PARAM_SPEC_H_
