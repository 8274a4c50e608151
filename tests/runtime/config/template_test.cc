#include "runtime/config/template.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Template Parsed(absl::string_view text) {
  auto parsed = Template::Parse(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return *parsed;
}

std::string Rendered(absl::string_view text) {
  const auto rendered = Parsed(text).Render(
      [](absl::string_view field) -> absl::StatusOr<absl::string_view> {
        static const std::map<std::string, std::string> kValues = {
            {"a", "1"}, {"b c", "{a}"}, {"empty", ""}};
        return absl::string_view(kValues.at(std::string(field)));
      });
  EXPECT_TRUE(rendered.ok()) << rendered.status();
  return *rendered;
}

TEST(TemplateTest, ValuesGoIntoTheGaps) {
  EXPECT_EQ(Rendered("{a} It was"), "1 It was");
  EXPECT_EQ(Rendered("x{a}{a}y{empty}"), "x11y");
  EXPECT_EQ(Rendered("no gap\n"), "no gap\n");
  EXPECT_EQ(Rendered(""), "");
}

TEST(TemplateTest, ValuesAreNoTemplates) {
  EXPECT_EQ(Rendered("<{b c}>"), "<{a}>");
}

TEST(TemplateTest, DoubledBracesAreBraces) {
  EXPECT_EQ(Rendered("{{a}} {{{a}}} }}{{"), "{a} {1} }{");
}

TEST(TemplateTest, FieldsAreListedOnceInOrder) {
  EXPECT_THAT(Parsed("{z} {a} {z}").Fields(), ElementsAre("z", "a"));
  EXPECT_THAT(Parsed("{{z}}").Fields(), IsEmpty());
}

TEST(TemplateTest, ErrorOfAFieldIsReturned) {
  const auto rendered = Parsed("{a}").Render(
      [](absl::string_view field) -> absl::StatusOr<absl::string_view> {
        return absl::NotFoundError(absl::StrCat("no ", field));
      });
  EXPECT_EQ(rendered.status(), absl::NotFoundError("no a"));
}

TEST(TemplateTest, BracesThatDoNotMatchAreRefusedWithTheirPlace) {
  const auto error = [](absl::string_view text) {
    const auto parsed = Template::Parse(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(parsed.status().message());
  };
  EXPECT_THAT(error("ab{c"), HasSubstr("character 3: '{' is not closed"));
  EXPECT_THAT(error("{a{b}"), HasSubstr("character 1: '{' is not closed"));
  EXPECT_THAT(error("a}"), HasSubstr("character 2: '}' closes nothing"));
  EXPECT_THAT(error("x{}"), HasSubstr("character 2: {} names no field"));
  EXPECT_THAT(error("{{{"), HasSubstr("character 3: '{' is not closed"));
}

}  // namespace
}  // namespace perdure
