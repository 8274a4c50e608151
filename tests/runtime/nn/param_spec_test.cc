#include "runtime/nn/param_spec.h"

#include <cmath>
#include <map>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/runtime/nn/test_models.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;

const ParamSpec& Named(const std::vector<ParamSpec>& specs,
                       const std::string& name) {
  for (const ParamSpec& spec : specs) {
    if (spec.name == name) return spec;
  }
  ADD_FAILURE() << "no parameter " << name;
  return specs.front();
}

// How often each element of the tensor lies in some rank's shard. Checks that
// the runs of a rank cover its shard without gaps.
std::vector<int> Coverage(const ParamSpec& spec, int tp) {
  std::vector<int> times(spec.size());
  for (int rank = 0; rank < tp; ++rank) {
    int64_t local = 0;
    for (const ShardRun& run : ShardRuns(spec, tp, rank)) {
      EXPECT_EQ(run.local_offset, local) << spec.name;
      EXPECT_GT(run.length, 0);
      for (int64_t i = 0; i < run.length; ++i) ++times[run.global_offset + i];
      local += run.length;
    }
    int64_t size = 1;
    for (const int64_t extent : ShardShape(spec, tp, rank)) size *= extent;
    EXPECT_EQ(local, size) << spec.name << " rank " << rank;
  }
  return times;
}

TEST(ModelParamsTest, ParameterCountsAreThePublishedOnes) {
  // GPT-2 small and OPT-125m as counted by transformers' num_parameters().
  EXPECT_EQ(
      CountParams(ModelParams(SomeModel("gpt2", {50257, 1024, 12, 12, 768}))),
      124439808);
  EXPECT_EQ(
      CountParams(ModelParams(SomeModel("opt", {50272, 2048, 12, 12, 768}))),
      125239296);
  // TinyLlama 1.1B and Qwen2-0.5B, likewise.
  ModelConfig tiny_llama = SomeModel("llama", {32000, 2048, 22, 32, 2048});
  tiny_llama.set_kv_heads(4);
  tiny_llama.set_ffn_hidden(5632);
  EXPECT_EQ(CountParams(ModelParams(tiny_llama)), 1100048384);
  ModelConfig qwen = SomeModel("llama", {151936, 131072, 24, 14, 896});
  qwen.set_kv_heads(2);
  qwen.set_ffn_hidden(4864);
  qwen.set_qkv_bias(true);
  qwen.set_tie_embeddings(true);
  EXPECT_EQ(CountParams(ModelParams(qwen)), 494032768);
}

TEST(ModelParamsTest, EachRoleOccursOnceInABlock) {
  for (const ModelConfig& model : UnevenModels()) {
    std::set<std::pair<int, ParamRole>> roles;
    std::set<std::string> names;
    int last_block = 0;
    for (const ParamSpec& spec : ModelParams(model)) {
      EXPECT_TRUE(roles.insert({spec.block, spec.role}).second) << spec.name;
      EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
      EXPECT_GE(spec.block, last_block) << spec.name;
      last_block = spec.block;
    }
    EXPECT_EQ(last_block, model.layers() + 1);
  }
}

TEST(ModelParamsTest, OnlyMatricesDecayAndResidualProjectionsStartSmaller) {
  for (const ModelConfig& model : UnevenModels()) {
    for (const ParamSpec& spec : ModelParams(model)) {
      EXPECT_EQ(spec.decay, spec.shape.size() == 2) << spec.name;
      const bool adapted = model.has_lora() || model.has_prefix();
      EXPECT_EQ(spec.trainable, !adapted || IsAdapter(spec.role)) << spec.name;
      if (IsAdapter(spec.role)) continue;
      const bool norm = spec.name.find("norm") != std::string::npos ||
                        spec.name.find("ln_") != std::string::npos;
      const bool bias = spec.name.ends_with(".bias");
      const Init init = bias   ? Init::kZeros
                        : norm ? Init::kOnes
                               : Init::kNormal;
      EXPECT_EQ(spec.init, init) << spec.name;
      if (init != Init::kNormal) continue;
      const bool residual = spec.role == ParamRole::kAttnOutWeight ||
                            spec.role == ParamRole::kDownWeight;
      EXPECT_DOUBLE_EQ(spec.init_std, residual ? 0.02 / std::sqrt(10) : 0.02);
    }
  }
}

TEST(ModelParamsTest, QueriesKeysAndValuesStandSideBySide) {
  for (const ModelConfig& model : UnevenModels()) {
    const std::vector<ParamSpec> specs = ModelParams(model);
    for (size_t i = 0; i < specs.size(); ++i) {
      const std::map<ParamRole, ParamRole> before = {
          {ParamRole::kKWeight, ParamRole::kQWeight},
          {ParamRole::kVWeight, ParamRole::kKWeight},
          {ParamRole::kKBias, ParamRole::kQBias},
          {ParamRole::kVBias, ParamRole::kKBias}};
      auto it = before.find(specs[i].role);
      const bool behind_gate =
          specs[i].role == ParamRole::kUpWeight && model.family() == "llama";
      EXPECT_EQ(specs[i].fused_with_previous, it != before.end() || behind_gate)
          << specs[i].name;
      if (it != before.end()) {
        EXPECT_EQ(specs[i - 1].role, it->second);
      }
      if (behind_gate) {
        EXPECT_EQ(specs[i - 1].role, ParamRole::kGateWeight);
      }
    }
  }
}

TEST(ModelParamsTest, TiedHeadIsAnAliasOfTheEmbedding) {
  const std::vector<ParamSpec> tied =
      ModelParams(SomeModel("opt", {65, 7, 2, 5, 10}));
  EXPECT_EQ(tied.back().name, "lm_head.weight");
  EXPECT_EQ(tied.back().alias_of, "model.decoder.embed_tokens.weight");
  const std::vector<ParamSpec> untied =
      ModelParams(SomeModel("llama", {65, 7, 2, 5, 10}));
  EXPECT_EQ(untied.back().alias_of, "");
  int64_t all = 0;
  for (const ParamSpec& spec : untied) all += spec.size();
  EXPECT_EQ(CountParams(untied), all);
  int64_t listed = 0;
  for (const ParamSpec& spec : tied) listed += spec.size();
  EXPECT_EQ(CountParams(tied), listed - 65 * 10);
}

TEST(ShardTest, RanksCoverEveryElementExactlyOnce) {
  for (const ModelConfig& model : UnevenModels()) {
    for (int tp = 1; tp <= 5; ++tp) {
      for (const ParamSpec& spec : ModelParams(model)) {
        const int expected = spec.split_dim < 0 ? tp : 1;
        for (const int times : Coverage(spec, tp)) {
          ASSERT_EQ(times, expected) << spec.name << " tp " << tp;
        }
      }
    }
  }
}

TEST(ShardTest, UnevenVocabularyGivesTheFirstRanksOneRowMore) {
  const std::vector<ParamSpec> specs =
      ModelParams(SomeModel("gpt2", {65, 7, 2, 5, 10}));
  const ParamSpec& table = Named(specs, "transformer.wte.weight");
  EXPECT_THAT(ShardShape(table, 2, 0), ElementsAre(33, 10));
  EXPECT_THAT(ShardShape(table, 2, 1), ElementsAre(32, 10));
  EXPECT_THAT(ShardShape(table, 3, 1), ElementsAre(22, 10));
  EXPECT_THAT(ShardShape(table, 3, 2), ElementsAre(21, 10));
  EXPECT_THAT(ShardShape(table, 4, 0), ElementsAre(17, 10));
  EXPECT_THAT(ShardShape(table, 4, 3), ElementsAre(16, 10));
  EXPECT_THAT(ShardRuns(table, 4, 3), ElementsAre(ShardRun{490, 0, 160}));
}

TEST(ShardTest, QueryHeadsGoWithTheirKeyValueHead) {
  // 6 query heads of 4 on 3 KV heads: a group is 2 query heads.
  ModelConfig model = SomeModel("llama", {65, 7, 2, 6, 24});
  model.set_kv_heads(3);
  const std::vector<ParamSpec> specs = ModelParams(model);
  const ParamSpec& q = Named(specs, "model.layers.0.self_attn.q_proj.weight");
  const ParamSpec& v = Named(specs, "model.layers.0.self_attn.v_proj.weight");
  const ParamSpec& out = Named(specs, "model.layers.0.self_attn.o_proj.weight");
  EXPECT_THAT(q.shape, ElementsAre(24, 24));
  EXPECT_THAT(v.shape, ElementsAre(12, 24));
  EXPECT_THAT(ShardShape(q, 2, 0), ElementsAre(16, 24));
  EXPECT_THAT(ShardShape(v, 2, 0), ElementsAre(8, 24));
  EXPECT_THAT(ShardShape(out, 2, 0), ElementsAre(24, 16));
  EXPECT_THAT(ShardShape(out, 2, 1), ElementsAre(24, 8));
  const std::vector<ShardRun> runs = ShardRuns(out, 2, 1);
  ASSERT_EQ(runs.size(), 24u);  // one piece of each row
  EXPECT_EQ(runs[3], (ShardRun{3 * 24 + 16, 3 * 8, 8}));
}

TEST(ShardTest, FusedProjectionIsCutInEachOfItsThreeParts) {
  // gpt2's c_attn [in 10, out 3 * 10], 5 heads of 2.
  const std::vector<ParamSpec> specs =
      ModelParams(SomeModel("gpt2", {65, 7, 2, 5, 10}));
  const ParamSpec& weight = Named(specs, "transformer.h.1.attn.c_attn.weight");
  const ParamSpec& bias = Named(specs, "transformer.h.1.attn.c_attn.bias");
  EXPECT_THAT(ShardShape(weight, 2, 0), ElementsAre(10, 18));
  EXPECT_THAT(ShardShape(weight, 2, 1), ElementsAre(10, 12));
  EXPECT_THAT(
      ShardRuns(bias, 2, 0),
      ElementsAre(ShardRun{0, 0, 6}, ShardRun{10, 6, 6}, ShardRun{20, 12, 6}));
  EXPECT_THAT(
      ShardRuns(bias, 2, 1),
      ElementsAre(ShardRun{6, 0, 4}, ShardRun{16, 4, 4}, ShardRun{26, 8, 4}));
  const std::vector<ShardRun> runs = ShardRuns(weight, 2, 1);
  ASSERT_EQ(runs.size(), 30u);
  EXPECT_EQ(runs[4], (ShardRun{1 * 30 + 16, 1 * 12 + 4, 4}));
  // A single rank's is one run: parts and rows are adjacent.
  EXPECT_THAT(ShardRuns(weight, 1, 0), ElementsAre(ShardRun{0, 0, 300}));
}

TEST(ShardTest, TransposedRowParallelMatricesAreOneRun) {
  // gpt2's mlp.c_proj [in 22, out 10]: the inputs are rows.
  ModelConfig model = SomeModel("gpt2", {65, 7, 2, 5, 10});
  model.set_ffn_hidden(22);
  const std::vector<ParamSpec> specs = ModelParams(model);
  const ParamSpec& down = Named(specs, "transformer.h.0.mlp.c_proj.weight");
  EXPECT_THAT(ShardRuns(down, 4, 2), ElementsAre(ShardRun{120, 0, 50}));
  EXPECT_THAT(ShardRuns(down, 4, 3), ElementsAre(ShardRun{170, 0, 50}));
  const ParamSpec& bias = Named(specs, "transformer.h.0.mlp.c_proj.bias");
  EXPECT_EQ(bias.split_dim, -1);
}

TEST(LoraTest, DefaultsAreQueriesAndValuesAndTrainNothingElse) {
  for (const char* family : {"gpt2", "opt", "llama"}) {
    ModelConfig model = SomeModel(family, {65, 7, 2, 4, 16});
    model.mutable_lora();
    const std::vector<ParamSpec> specs = ModelParams(ResolveModelConfig(model));
    int64_t trained = 0;
    for (const ParamSpec& spec : specs) {
      EXPECT_EQ(spec.trainable, IsAdapter(spec.role)) << spec.name;
      if (IsAdapter(spec.role)) trained += spec.size();
    }
    EXPECT_EQ(CountTrainable(specs), trained);
    // Rank 8: A [8, 16] and B [16, 8] of q and v, or B [48, 8] of c_attn.
    const bool fused = std::string(family) == "gpt2";
    EXPECT_EQ(trained, 2 * (fused ? 8 * 16 + 48 * 8 : 4 * 8 * 16)) << family;
  }
}

TEST(LoraTest, AdaptersAreCutAsTheLayersTheyAdapt) {
  ModelConfig model = SomeModel("gpt2", {65, 7, 2, 4, 16});
  model.mutable_lora()->set_rank(3);
  model.mutable_lora()->add_targets("c_attn");
  model.mutable_lora()->add_targets("*.h.1.mlp.c_proj");
  const std::vector<ParamSpec> specs = ModelParams(model);
  const ParamSpec& attention =
      Named(specs, "transformer.h.0.attn.c_attn.weight");
  const ParamSpec& a =
      Named(specs, "transformer.h.0.attn.c_attn.lora_A.weight");
  const ParamSpec& b =
      Named(specs, "transformer.h.0.attn.c_attn.lora_B.weight");
  EXPECT_THAT(a.shape, ElementsAre(3, 16));
  EXPECT_THAT(b.shape, ElementsAre(48, 3));
  EXPECT_EQ(a.split_dim, -1);
  EXPECT_EQ(b.split_dim, 0);
  ASSERT_EQ(b.parts.size(), attention.parts.size());
  for (size_t i = 0; i < b.parts.size(); ++i) {
    EXPECT_EQ(b.parts[i].size, attention.parts[i].size);
    EXPECT_EQ(b.parts[i].units, attention.parts[i].units);
  }
  EXPECT_EQ(a.init, Init::kUniform);
  EXPECT_EQ(b.init, Init::kZeros);
  const ParamSpec& down =
      Named(specs, "transformer.h.1.mlp.c_proj.lora_A.weight");
  EXPECT_THAT(down.shape, ElementsAre(3, 64));
  EXPECT_EQ(down.split_dim, 1);
  EXPECT_THAT(ShardShape(down, 2, 0), ElementsAre(3, 32));
  EXPECT_EQ(Named(specs, "transformer.h.1.mlp.c_proj.lora_B.weight").split_dim,
            -1);
  for (const ParamSpec& spec : specs) {
    EXPECT_NE(spec.name, "transformer.h.0.mlp.c_proj.lora_A.weight");
  }
}

TEST(PrefixTest, KeysAndValuesAreCutByKeyValueHeads) {
  ModelConfig model = SomeModel("llama", {65, 7, 2, 8, 16});
  model.set_kv_heads(2);
  model.mutable_prefix()->set_tokens(5);
  const std::vector<ParamSpec> specs = ModelParams(model);
  const ParamSpec& k = Named(specs, "model.layers.1.prefix_k");
  EXPECT_THAT(k.shape, ElementsAre(5, 4));
  EXPECT_THAT(ShardShape(k, 2, 1), ElementsAre(5, 2));
  EXPECT_EQ(CountTrainable(specs), 2 * 2 * 5 * 4);
}

}  // namespace
}  // namespace perdure
