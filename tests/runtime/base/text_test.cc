#include "runtime/base/text.h"

#include <cstdlib>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

TEST(TextTest, EditDistanceCountsSwapsOnce) {
  EXPECT_EQ(EditDistance("", "abc"), 3);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
  EXPECT_EQ(EditDistance("steps", "setps"), 1);
  EXPECT_EQ(EditDistance("same", "same"), 0);
}

TEST(TextTest, SuggestionsAreNearestFirstAndNeverFar) {
  const std::vector<std::string> names = {"steps", "seed", "micro_batch"};
  EXPECT_EQ(DidYouMean("micro", {"micro_batch", "micr"}),
            ", did you mean 'micr'?");
  EXPECT_EQ(DidYouMean("zzzzzz", names), "");
  EXPECT_THAT(NearestNames("sted", names),
              testing::ElementsAre("seed", "steps"));
}

TEST(TextTest, NumbersSurviveJson) {
  for (double x : {0.1, 1.0 / 3, 1e-300, 123456789.123456789, -0.0}) {
    EXPECT_EQ(std::strtod(JsonNumber(x).c_str(), nullptr), x);
  }
  EXPECT_EQ(JsonNumber(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(JsonString("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\n\\u0001\"");
}

TEST(TextTest, PeopleReadSizesAndDurations) {
  EXPECT_EQ(HumanBytes(512), "512 B");
  EXPECT_EQ(HumanBytes(uint64_t{3} << 29), "1.50 GiB");
  EXPECT_EQ(HumanCount(124439808), "124.4M");
  EXPECT_EQ(HumanDuration(12.2), "12 s");
  EXPECT_EQ(HumanDuration(200), "3m 20s");
  EXPECT_EQ(HumanDuration(3720), "1h 02m");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1234567), "1,234,567");
  EXPECT_EQ(WithCommas(-123456), "-123,456");
}

TEST(TextTest, PatternsMatchWholeTexts) {
  for (const auto& [text, pattern] :
       {std::pair<const char*, const char*>{"h.0.mlp.c_fc.weight", "*"},
        {"h.0.mlp.c_fc.weight", "*.mlp.*"},
        {"h.0.mlp.c_fc.weight", "h.?.mlp.*weight"},
        {"h.0.mlp.c_fc.weight", "h.0.mlp.c_fc.weight"},
        {"aab", "*ab"},
        {"abcabd", "*ab?"},
        {"", ""},
        {"", "**"}}) {
    EXPECT_TRUE(MatchesPattern(text, pattern)) << text << " " << pattern;
  }
  for (const auto& [text, pattern] :
       {std::pair<const char*, const char*>{"h.0.mlp.weight", "mlp"},
        {"h.0.mlp.weight", "*.mlp"},
        {"h.10.mlp.weight", "h.?.mlp.*"},
        {"h.0.mlp.weight", "h.0.mlp.weight?"},
        {"h.0.mlp.weight", ""},
        {"", "?"}}) {
    EXPECT_FALSE(MatchesPattern(text, pattern)) << text << " " << pattern;
  }
}

}  // namespace
}  // namespace perdure
