#include "launcher/diagnosis/rule_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kRest[] =
    " class: USER cause: 'c' remedy: 'r' retry: NO blame: PERSON ";

std::string Rule(const std::string& what) {
  return absl::StrCat("rule {\n  ", what, kRest, "}\n");
}

std::string Problem(const std::string& text) {
  return std::string(RuleBook::Parse(text, "my.textproto").status().message());
}

TEST(RuleBookTest, UnknownFieldIsNamedWithItsLine) {
  EXPECT_THAT(Problem("rule {\n  name: 'a'\n  patern: 'x'\n}\n"),
              HasSubstr("my.textproto:3: "));
}

TEST(RuleBookTest, EveryProblemIsNamedWithTheLineOfItsRule) {
  const std::string problem =
      Problem(Rule("name: 'a' log: 'x(' example: 'x'") +
              Rule("name: 'b' fault: 'hangs'") + "rule { name: 'c' }\n");
  EXPECT_THAT(problem,
              HasSubstr("my.textproto:1: rule 'a': log: 'x(' is no RE2"));
  EXPECT_THAT(problem, HasSubstr("my.textproto:3: rule 'b': fault: no 'hangs'"
                                 ", did you mean 'hang'"));
  EXPECT_THAT(problem, HasSubstr("my.textproto:5: rule 'c': no cause"));
  EXPECT_THAT(problem, HasSubstr("it would match anything"));
}

TEST(RuleBookTest, TwoRulesOfOneNameAreRefused) {
  EXPECT_THAT(
      Problem(Rule("name: 'a' signal: 9") + Rule("name: 'a' signal: 7")),
      HasSubstr("my.textproto:3: rule 'a': the name is taken"));
}

TEST(RuleBookTest, PatternWithoutAnExampleIsRefused) {
  EXPECT_THAT(Problem(Rule("name: 'a' log: 'x'")),
              HasSubstr("log without an example line"));
}

TEST(RuleBookTest, ExampleThatAnEarlierRuleExplainsIsRefused) {
  EXPECT_THAT(Problem(Rule("name: 'a' log: 'disk' example: 'disk'") +
                      Rule("name: 'b' log: 'full' example: 'disk full'")),
              HasSubstr("my.textproto:3: rule 'b': example 'disk full' is "
                        "explained by 'a'"));
}

TEST(RuleBookTest, OwnRulesComeBeforeTheShippedAndReplaceThoseOfTheirName) {
  const auto shipped = RuleBook::Load("");
  ASSERT_TRUE(shipped.ok()) << shipped.status();
  const auto own = RuleBook::Parse(
      Rule("name: 'disk_full' log: 'scratch is full' example: 'scratch is "
           "full'") +
          Rule("name: 'mine' log: 'the fan is loud' example: 'the fan is "
               "loud'"),
      "my.textproto");
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(own->rules().size(), shipped->rules().size() + 1);
  EXPECT_EQ(own->rules()[1].name(), "mine");
  EXPECT_THAT(own->Matching("the fan is loud"), ElementsAre(1));
  EXPECT_THAT(own->Matching("No space left on device"), ElementsAre());
}

TEST(RuleBookTest, ShippedRulesCanBeLeftOut) {
  const auto book = RuleBook::Parse(
      "then_shipped: false\n" + Rule("name: 'a' signal: 9"), "my.textproto");
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ(book->rules().size(), 1u);
}

TEST(RuleBookTest, MissingFileIsSaid) {
  EXPECT_TRUE(absl::IsNotFound(RuleBook::Load("/nowhere/rules").status()));
}

TEST(RuleBookTest, LinesOfAnyBytesAreMatched) {
  const auto book = RuleBook::Load("");
  ASSERT_TRUE(book.ok()) << book.status();
  std::string bytes;
  for (int i = 0; i < 100000; ++i) bytes += static_cast<char>(i * 7);
  EXPECT_THAT(book->Matching(bytes), ElementsAre());
  EXPECT_EQ(book->Matching(absl::StrCat("\xff\xfe Too many open files", bytes))
                .size(),
            1u);
}

}  // namespace
}  // namespace perdure
