#include "checkpoint/convert/apply_rules.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "checkpoint/convert/flat_target.h"
#include "checkpoint/convert/rule_sets.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/checkpoint/lazy/memory_tensor.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Shape = std::vector<int64_t>;
using Tensors = std::map<std::string, LazyRef>;

class ApplyRulesTest : public testing::Test {
 protected:
  absl::Status Apply(const std::string& rules, Direction direction,
                     const Tensors& tensors) {
    const auto parsed = ParseRules(rules, "test");
    RETURN_IF_ERROR(parsed.status());
    std::vector<SourceTensor> source;
    for (const auto& [name, tensor] : tensors) {
      source.push_back(ReadableTensor(name, tensor));
    }
    ASSIGN_OR_RETURN(result_,
                     ApplyRules(*parsed, direction, source, nullptr, "source"));
    made_.clear();
    for (const ConvertedTensor& tensor : result_.tensors) {
      made_[tensor.name] = tensor.tensor;
    }
    return absl::OkStatus();
  }

  // Theirs -> ours gives `ours`, and back again the same bits.
  void ExpectBothWays(const std::string& rules, const Tensors& theirs,
                      const Tensors& ours) {
    absl::Status status = Apply(rules, Direction::kToOurs, theirs);
    ASSERT_TRUE(status.ok()) << status;
    ExpectMade(ours);
    status = Apply(rules, Direction::kToTheirs, ours);
    ASSERT_TRUE(status.ok()) << status;
    ExpectMade(theirs);
  }

  void ExpectMade(const Tensors& expected) {
    EXPECT_EQ(made_.size(), expected.size());
    for (const auto& [name, tensor] : expected) {
      SCOPED_TRACE(name);
      ASSERT_TRUE(made_.contains(name));
      EXPECT_EQ(made_[name]->shape(), tensor->shape());
      EXPECT_EQ(ReadAll(*made_[name]), ReadAll(*tensor));
      ExpectRunsAgree(*made_[name]);
    }
  }

  void ExpectProblem(const std::string& rules, const Tensors& theirs,
                     const std::string& what) {
    const absl::Status status = Apply(rules, Direction::kToOurs, theirs);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
  }

  RuleResult result_;
  Tensors made_;
};

TEST_F(ApplyRulesTest, NamesAndOrientationChange) {
  ExpectBothWays("rule { theirs: 'l.{i}.w' ours: 'h.{i}.x' transpose: true }",
                 {{"l.0.w", Counting({2, 3})}, {"l.1.w", Counting({2, 3}, 9)}},
                 {{"h.0.x", Transpose(Counting({2, 3}))},
                  {"h.1.x", Transpose(Counting({2, 3}, 9))}});
}

// Four groups of [q q k v] rows with head_dim 1: 8 query heads on 4 KV heads.
TEST_F(ApplyRulesTest, GroupedQueriesAreSplitAndFusedPerHeadGroup) {
  const std::string rules = R"(
    rule {
      theirs: "qkv" ours: "q" ours: "k" ours: "v"
      fused { groups: "4" part { size: "8" } part { size: "4" }
              part { size: "4" } }
    })";
  ExpectBothWays(rules, {{"qkv", Counting({16, 1})}},
                 {{"q", Values({8, 1}, {0, 1, 4, 5, 8, 9, 12, 13})},
                  {"k", Values({4, 1}, {2, 6, 10, 14})},
                  {"v", Values({4, 1}, {3, 7, 11, 15})}});
}

TEST_F(ApplyRulesTest, WovenPartsBecomePartsInARow) {
  ExpectBothWays(
      "rule { theirs: 'a' ours: 'b' fused { groups: '2' part { size: '2' } "
      "part { size: '2' } } }",
      {{"a", Values({4}, {1, 2, 3, 4})}}, {{"b", Values({4}, {1, 3, 2, 4})}});
}

// Rank 0 has no KV head at all, as with three ranks on two KV heads.
TEST_F(ApplyRulesTest, UnevenAndEmptyPartsAreHonoured) {
  const std::string rules = R"(
    rule {
      theirs: "qkv" ours: "q" ours: "k"
      fused { groups: "3"
              part { size: "2" size: "2" size: "1" }
              part { size: "0" size: "1" size: "1" } }
    })";
  ExpectBothWays(
      rules, {{"qkv", Counting({7})}},
      {{"q", Values({5}, {0, 1, 2, 3, 5})}, {"k", Values({2}, {4, 6})}});
}

TEST_F(ApplyRulesTest, RanksAreJoinedAlongTheirDim) {
  const std::string rules = R"(
    rule { theirs: "tp_{tp}:row" ours: "row"
           over { capture: "tp" how: CONCATENATED dim: 1 count: "2" } }
    rule { theirs: "tp_{tp}:mlp" ours: "gate" ours: "up"
           over { capture: "tp" how: CONCATENATED dim: 0 count: "2" }
           fused { groups: "tp" part { size: "4" } part { size: "4" } } })";
  ExpectBothWays(rules,
                 {{"tp_0:row", Values({2, 1}, {0, 2})},
                  {"tp_1:row", Values({2, 1}, {1, 3})},
                  {"tp_0:mlp", Values({4}, {0, 1, 10, 11})},
                  {"tp_1:mlp", Values({4}, {2, 3, 12, 13})}},
                 {{"row", Counting({2, 2})},
                  {"gate", Counting({4})},
                  {"up", Counting({4}, 10)}});
}

TEST_F(ApplyRulesTest, ReplicasAreComparedOrAveraged) {
  const Tensors ranks = {{"0.n", Values({2}, {1, 2})},
                         {"1.n", Values({2}, {1, 4})}};
  const std::string averaged =
      "rule { theirs: '{r}.n' ours: 'n' over { capture: 'r' how: AVERAGED } }";
  ASSERT_TRUE(Apply(averaged, Direction::kToOurs, ranks).ok());
  EXPECT_THAT(ReadAll(*made_["n"]), ElementsAre(1, 3));
  ASSERT_EQ(result_.averaged.size(), 1u);
  EXPECT_EQ(result_.averaged[0].mean->max_difference(), 1);

  const std::string replicated =
      "rule { theirs: '{r}.n' ours: 'n' over { "
      "capture: 'r' how: REPLICATED } }";
  ASSERT_TRUE(Apply(replicated, Direction::kToOurs, ranks).ok());
  std::vector<float> values(2);
  const absl::Status status = ReadRange(*made_["n"], 0, 2, values.data());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("0.n and 1.n"));
}

TEST_F(ApplyRulesTest, ExpertsAreStackedAndSliced) {
  const Tensors experts = {{"e.0.w1", Counting({2, 2})},
                           {"e.1.w1", Counting({2, 2}, 4)},
                           {"e.2.w1", Counting({2, 2}, 8)}};
  const Tensors stack = {{"experts.w1", Counting({3, 2, 2})}};
  ExpectBothWays(
      "rule { theirs: 'e.{expert}.{w}' ours: 'experts.{w}' "
      "over { capture: 'expert' how: STACKED } }",
      experts, stack);
  ExpectBothWays(
      "rule { theirs: 'experts.{w}' ours: 'e.{expert}.{w}' "
      "over { capture: 'expert' how: STACKED } }",
      stack, experts);
}

TEST_F(ApplyRulesTest, PaddedVocabulariesAreStrippedAndPadded) {
  for (const int64_t size : {17, 127, 128}) {
    const std::string rules = absl::StrCat(
        "constant { name: 'v' value: ", size,
        " } rule { theirs: 'e' ours: 'w' rows { size: 'v' multiple_of: '128' "
        "} }");
    const LazyRef table = Counting({size, 2}, 1);
    const LazyRef padded = Concatenate(
        {table, Values({128 - size, 2}, std::vector<float>(2 * (128 - size)))},
        0);
    ExpectBothWays(rules, {{"e", padded}}, {{"w", table}});
  }
  ExpectProblem("rule { theirs: 'e' ours: 'w' rows { size: '5' } }",
                {{"e", Counting({4, 2})}},
                "e is [4, 2]: fewer than 5 = 5 rows");
}

TEST_F(ApplyRulesTest, RotaryPairsBecomeHalves) {
  ExpectBothWays("rule { theirs: 'wq' ours: 'q' rotary_heads: '2' }",
                 {{"wq", Counting({8, 1})}},
                 {{"q", Values({8, 1}, {0, 2, 1, 3, 4, 6, 5, 7})}});
}

TEST_F(ApplyRulesTest, WhatMatchesNothingIsListedWithTheNearest) {
  const std::string rules =
      "rule { theirs: 'h.{i}.ln_1.weight' } "
      "rule { theirs: 'wpe.weight' }";
  const Tensors tensors = {{"h.3.ln_1.wieght", Counting({2})},
                           {"h.4.ln_1.weight", Counting({2})},
                           {"wqe.weight", Counting({2})}};
  ExpectProblem(rules, tensors,
                "h.3.ln_1.wieght matches no rule, did you mean "
                "'h.3.ln_1.weight'");
  ExpectProblem(rules, tensors,
                "pattern 'wpe.weight' matches nothing, did you mean "
                "'wqe.weight'");
}

TEST_F(ApplyRulesTest, PatternsAreNotPrefixes) {
  ExpectProblem("rule { theirs: 'a' }",
                {{"a", Counting({1})}, {"ab", Counting({1})}},
                "ab matches no rule");
}

TEST_F(ApplyRulesTest, AmbiguityAndMissingPartsAreErrors) {
  ExpectProblem("rule { theirs: '{x}' } rule { theirs: 'a' ours: 'b' }",
                {{"a", Counting({1})}}, "a matches two rules");
  ExpectProblem("rule { theirs: 'a' ours: 'c' } rule { theirs: 'b' ours: 'c' }",
                {{"a", Counting({1})}, {"b", Counting({1})}},
                "c is there twice, from a and from b");
  ExpectProblem(
      "rule { theirs: '{i}.k' theirs: '{i}.v' ours: '{i}.kv' "
      "fused { part { size: '1' } part { size: '1' } } }",
      {{"0.k", Counting({1})}, {"0.v", Counting({1})}, {"1.k", Counting({1})}},
      "1.v is missing");
  ExpectProblem("rule { theirs: '{r}.n' ours: 'n' over { capture: 'r' } }",
                {{"0.n", Counting({1})}, {"2.n", Counting({1})}},
                "1.n is missing");
}

TEST_F(ApplyRulesTest, ShapesThatDoNotFitAreNamed) {
  ExpectProblem("rule { theirs: 'a' ours: 'b' transpose: true }",
                {{"a", Counting({3})}}, "a is [3]: it is no matrix");
  ExpectProblem(
      "rule { theirs: 'a' ours: 'b' ours: 'c' "
      "fused { part { size: '2' } part { size: '2' } } }",
      {{"a", Counting({5})}}, "a is [5]: dim 0 is not the 4");
  ExpectProblem(
      "rule { theirs: '{r}.n' ours: 'n' over { capture: 'r' dim: 1 "
      "} }",
      {{"0.n", Counting({2, 2})}, {"1.n", Counting({3, 2})}},
      "pieces differ: F32 [2, 2] and F32 [3, 2]");
}

TEST_F(ApplyRulesTest, RulesThatMakeNoSenseAreRefused) {
  const Tensors tensors = {{"a.0", Counting({1})}};
  ExpectProblem("rule { theirs: 'a.{i}' ours: 'b.{j}' }", tensors,
                "both sides need the same captures");
  ExpectProblem("rule { theirs: 'a.{i}' ours: 'b.{i}' over { capture: 'i' } }",
                tensors, "exactly one side");
  ExpectProblem("rule { theirs: 'a.{i}' ours: 'b.{i}' ours: 'c.{i}' }", tensors,
                "no 'fused'");
}

// Every name of Hugging Face's models, with and without what tools put before
// it.
TEST_F(ApplyRulesTest, PrefixVariantsOfHuggingFaceAreOneName) {
  const struct {
    const char* rules;
    const char* found;
    const char* canonical;
  } kNames[] = {
      {"hf-gpt2", "wte.weight", "transformer.wte.weight"},
      {"hf-gpt2", "transformer.wte.weight", "transformer.wte.weight"},
      {"hf-gpt2", "_orig_mod.module.transformer.wte.weight",
       "transformer.wte.weight"},
      {"hf-gpt2", "h.11.ln_1.bias", "transformer.h.11.ln_1.bias"},
      {"hf-gpt2", "lm_head.weight", "lm_head.weight"},
      {"hf-opt", "decoder.layers.0.fc1.weight",
       "model.decoder.layers.0.fc1.weight"},
      {"hf-opt", "layers.0.fc1.weight", "model.decoder.layers.0.fc1.weight"},
      {"hf-opt", "decoder.final_layer_norm.weight",
       "model.decoder.final_layer_norm.weight"},
      {"hf-llama", "norm.weight", "model.norm.weight"},
      {"hf-llama", "layers.3.mlp.up_proj.weight",
       "model.layers.3.mlp.up_proj.weight"}};
  for (const auto& name : kNames) {
    SCOPED_TRACE(name.found);
    std::vector<std::string> problems;
    const auto rules = LoadRules(name.rules);
    ASSERT_TRUE(rules.ok()) << rules.status();
    const auto matcher = RuleMatcher::Make(*rules, Direction::kToOurs);
    ASSERT_TRUE(matcher.ok()) << matcher.status();
    const auto instances =
        matcher->Match({name.found}, /*complete=*/false, &problems);
    EXPECT_THAT(problems, testing::IsEmpty());
    ASSERT_EQ(instances.size(), 1u);
    EXPECT_EQ(instances[0].rule->to[0].Fill(instances[0].captures),
              name.canonical);
  }
}

TEST_F(ApplyRulesTest, BuffersAreLeftOutAndStrangersAreNot) {
  const auto matches = [](const char* set, const char* name) {
    std::vector<std::string> problems;
    const auto rules = LoadRules(set);
    const auto matcher = RuleMatcher::Make(*rules, Direction::kToOurs);
    EXPECT_TRUE(matcher->Match({name}, false, &problems).empty());
    return problems.size();
  };
  EXPECT_EQ(matches("hf-gpt2", "h.0.attn.bias"), 0u);
  EXPECT_EQ(matches("hf-gpt2", "transformer.h.3.attn.masked_bias"), 0u);
  EXPECT_EQ(matches("hf-llama", "model.layers.0.self_attn.rotary_emb.inv_freq"),
            0u);
  for (const char* set : {"hf-gpt2", "hf-opt", "hf-llama"}) {
    for (const char* name : {"encoder.layers.0.fc1.weight", "wtex.weight",
                             "transformer.normal.weight", "score.weight"}) {
      EXPECT_EQ(matches(set, name), 1u) << set << " " << name;
    }
  }
}

}  // namespace
}  // namespace perdure
