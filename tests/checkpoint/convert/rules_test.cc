// Patterns, sizes, and the text of rules.

#include "absl/strings/str_cat.h"
#include "checkpoint/convert/name_pattern.h"
#include "checkpoint/convert/rule_sets.h"
#include "checkpoint/convert/size_expression.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

using testing::HasSubstr;

NamePattern Pattern(const std::string& text) {
  auto pattern = NamePattern::Parse(text);
  EXPECT_TRUE(pattern.ok()) << pattern.status();
  return *pattern;
}

TEST(NamePatternTest, AHoleStandsForOnePartOfAName) {
  const NamePattern pattern = Pattern("h.{layer}.attn.{x}");
  EXPECT_EQ(*pattern.Match("h.11.attn.bias"),
            (Captures{{"layer", "11"}, {"x", "bias"}}));
  EXPECT_FALSE(pattern.Match("h.11.attn.c_attn.bias").has_value());
  EXPECT_FALSE(pattern.Match("h..attn.bias").has_value());
  EXPECT_FALSE(pattern.Match("th.1.attn.bias").has_value());
  EXPECT_FALSE(pattern.Match("h.1.attn.bias.more").has_value());
  EXPECT_EQ(pattern.Fill({{"layer", "3"}, {"x", "y"}}), "h.3.attn.y");
}

TEST(NamePatternTest, AStarHoleMayHoldDotsOrNothing) {
  const NamePattern pattern = Pattern("{before*}.norm.{x*}");
  EXPECT_EQ((*pattern.Match("a.b.norm."))["before"], "a.b");
  EXPECT_EQ((*pattern.Match(".norm.w.x"))["x"], "w.x");
}

TEST(NamePatternTest, DotsAreDots) {
  EXPECT_FALSE(Pattern("a.b").Match("axb").has_value());
}

TEST(NamePatternTest, WrongPatternsAreRefused) {
  for (const char* text : {"a.{", "a.{}", "a.{*}", "{x}.{x}"}) {
    EXPECT_EQ(NamePattern::Parse(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(NamePatternTest, PrefixesAreTakenAwayHoweverOften) {
  const std::vector<std::string> prefixes = {"module.", "_orig_mod."};
  EXPECT_EQ(StripPrefixes("_orig_mod.module._orig_mod.wte", prefixes), "wte");
  EXPECT_EQ(Pattern("module.h.{i}").Without(prefixes).Fill({{"i", "1"}}),
            "h.1");
}

TEST(SizeExpressionTest, SizesAreComputed) {
  const Symbols symbols = {{"heads", 6}, {"kv_heads", 2}, {"head_dim", 4}};
  EXPECT_EQ(*Evaluate("heads * head_dim", symbols), 24);
  EXPECT_EQ(*Evaluate("(heads / kv_heads + 2) * head_dim", symbols), 20);
  EXPECT_EQ(*Evaluate(" 7-2-1 ", symbols), 4);
}

TEST(SizeExpressionTest, WhatIsWrongIsSaid) {
  const Symbols symbols = {{"heads", 6}};
  const auto message = [&](const char* text) {
    const absl::Status status = Evaluate(text, symbols).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(message("head"), HasSubstr("did you mean 'heads'"));
  EXPECT_THAT(message("heads / 4"), HasSubstr("6 / 4 does not come out"));
  EXPECT_THAT(message("heads / 0"), HasSubstr("does not come out"));
  EXPECT_THAT(message("heads +"), HasSubstr("is missing"));
  EXPECT_THAT(message("(heads"), HasSubstr("')' is missing"));
  EXPECT_THAT(message("heads heads"), HasSubstr("unexpected"));
  EXPECT_THAT(message("1 - heads"), HasSubstr("negative"));
  EXPECT_THAT(message("9223372036854775807 * 2"), HasSubstr("too large"));
  EXPECT_THAT(message(std::string(1000, '(').c_str()),
              HasSubstr("too many parentheses"));
}

TEST(RuleSetsTest, EveryShippedSetParsesAndSaysWhatItIsFor) {
  const std::vector<RuleSetText> sets = ShippedRuleSets();
  EXPECT_EQ(sets.size(), 10u);
  for (const RuleSetText& set : sets) {
    const auto rules = LoadRules(set.name);
    ASSERT_TRUE(rules.ok()) << rules.status();
    EXPECT_FALSE(rules->about().empty()) << set.name;
    EXPECT_GT(rules->rule_size(), 3) << set.name;
  }
}

TEST(RuleSetsTest, UnknownFieldsAndSetsSuggestTheNearest) {
  const auto rules =
      ParseRules("about: \"x\"\nrule { their: \"a\" }", "mine.textproto");
  EXPECT_EQ(rules.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(rules.status().message()),
              HasSubstr("mine.textproto:2: no field 'their' in Rule, did you "
                        "mean 'theirs'"));
  EXPECT_THAT(std::string(LoadRules("megatron-gtp2").status().message()),
              HasSubstr("did you mean 'megatron-gpt2'"));
}

}  // namespace
}  // namespace perdure
