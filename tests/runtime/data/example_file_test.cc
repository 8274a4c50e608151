#include "runtime/data/example_file.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kColumns = {"sentence", "label"};

class ExampleFileTest : public ::testing::Test {
 protected:
  ExampleFile Open(absl::string_view name, absl::string_view content,
                   const std::vector<std::string>& columns = {}) {
    auto file = ExampleFile::Open(dir_.Write(name, content), columns);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  std::string OpenError(absl::string_view name, absl::string_view content,
                        const std::vector<std::string>& columns = {}) {
    const auto file = ExampleFile::Open(dir_.Write(name, content), columns);
    return std::string(file.status().message());
  }
  TempDir dir_;
};

std::string Get(const ExampleFile& file, int64_t index,
                absl::string_view field) {
  const auto example = file.Read(index);
  EXPECT_TRUE(example.ok()) << example.status();
  const auto value = example->Get(field);
  EXPECT_TRUE(value.ok()) << value.status();
  return std::string(*value);
}

std::string ReadError(const ExampleFile& file, int64_t index) {
  const auto example = file.Read(index);
  EXPECT_EQ(example.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(example.status().message());
}

std::string GetError(const ExampleFile& file, int64_t index,
                     absl::string_view field) {
  const auto example = file.Read(index);
  EXPECT_TRUE(example.ok()) << example.status();
  const auto value = example->Get(field);
  EXPECT_EQ(value.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(value.status().message());
}

TEST_F(ExampleFileTest, RowsOfATableHaveTheColumnsOfTheConfig) {
  const ExampleFile file = Open("a.tsv", "a b\t1\nc\t0\n", kColumns);
  ASSERT_EQ(file.size(), 2);
  EXPECT_EQ(Get(file, 0, "sentence"), "a b");
  EXPECT_EQ(Get(file, 0, "label"), "1");
  EXPECT_EQ(Get(file, 1, "sentence"), "c");
}

TEST_F(ExampleFileTest, HeaderLineNamesColumnsOtherwise) {
  const ExampleFile file = Open("a.tsv", "x\ty\n1\t2\n");
  ASSERT_EQ(file.size(), 1);
  EXPECT_EQ(Get(file, 0, "y"), "2");
}

TEST_F(ExampleFileTest, TableMayHaveMarksOfOtherSystems) {
  // A byte-order mark, CR LF, blanks around values, no line break at the end.
  const ExampleFile file =
      Open("a.tsv", "\xEF\xBB\xBFx\ty\r\n\r\n a \t\"b\" \r\nc\t");
  ASSERT_EQ(file.size(), 2);
  EXPECT_EQ(Get(file, 0, "x"), "a");
  EXPECT_EQ(Get(file, 0, "y"), "\"b\"");
  EXPECT_EQ(Get(file, 1, "y"), "");
  EXPECT_THAT(file.Read(1)->where(), ::testing::EndsWith("a.tsv:4"));
}

TEST_F(ExampleFileTest, RowOfEmptyValuesIsARow) {
  EXPECT_EQ(Open("a.tsv", "\t\n\na\tb\n", kColumns).size(), 2);
}

TEST_F(ExampleFileTest, JsonGivesStringsNumbersAndBooleans) {
  const ExampleFile file = Open(
      "a.jsonl",
      "{\"s\": \" \\u00e9\\t{x}\", \"i\": 12, \"f\": -0.5, \"b\": true}\n");
  EXPECT_EQ(Get(file, 0, "s"), " \xC3\xA9\t{x}");
  EXPECT_EQ(Get(file, 0, "i"), "12");
  EXPECT_EQ(Get(file, 0, "f"), "-0.5");
  EXPECT_EQ(Get(file, 0, "b"), "true");
}

TEST_F(ExampleFileTest, OtherJsonValuesMatterOnlyWhereTheyAreUsed) {
  const ExampleFile file =
      Open("a.jsonl", "{\"a\": [1], \"b\": {}, \"c\": null, \"d\": \"x\"}\n");
  EXPECT_EQ(Get(file, 0, "d"), "x");
  EXPECT_THAT(GetError(file, 0, "a"),
              HasSubstr("a.jsonl:1: field \"a\" is a list; give it"));
  EXPECT_THAT(GetError(file, 0, "b"), HasSubstr("\"b\" is an object"));
  EXPECT_THAT(GetError(file, 0, "c"), HasSubstr("\"c\" is null"));
}

TEST_F(ExampleFileTest, MissingFieldIsNamedWithThoseThatAreThere) {
  const ExampleFile file =
      Open("a.jsonl", "\n{\"sentence\": \"\", \"label\": 1}\n");
  EXPECT_THAT(GetError(file, 0, "sentense"),
              HasSubstr("a.jsonl:2: no field \"sentense\", did you mean "
                        "'sentence'?; the line has \"label\", \"sentence\""));
  EXPECT_THAT(GetError(file, 0, "q"), HasSubstr("task.column"));
}

TEST_F(ExampleFileTest, LineThatIsNoJsonObjectIsNamed) {
  const ExampleFile file = Open("a.jsonl", "{\"a\": 1}\n{\"a\": \n[1]\n");
  EXPECT_THAT(ReadError(file, 1), HasSubstr("a.jsonl:2: not a JSON object; "));
  EXPECT_THAT(ReadError(file, 2), HasSubstr("a.jsonl:3: not a JSON object; "));
  EXPECT_EQ(Get(file, 0, "a"), "1");
}

TEST_F(ExampleFileTest, RowWithAnotherNumberOfColumnsIsNamed) {
  EXPECT_THAT(
      ReadError(Open("a.tsv", "a\t1\nb\n", kColumns), 1),
      HasSubstr("a.tsv:2: 1 columns, but task.column names 2 (sentence, "
                "label); "));
  EXPECT_THAT(ReadError(Open("b.tsv", "x\ty\n1\t2\t3\n"), 0),
              HasSubstr("b.tsv:2: 3 columns, but the header line names 2"));
}

TEST_F(ExampleFileTest, HeaderLineThatIsNoneIsRefused) {
  EXPECT_THAT(OpenError("a.tsv", "1\t1\nb\t0\n"),
              HasSubstr("a.tsv:1: the header line has empty or equal names"));
  EXPECT_THAT(OpenError("b.tsv", "x\t\nb\t0\n"), HasSubstr("task.column"));
}

TEST_F(ExampleFileTest, FileWithoutExamplesIsRefused) {
  EXPECT_THAT(OpenError("a.jsonl", "\n \n"), HasSubstr("has no examples; "));
  EXPECT_THAT(OpenError("a.tsv", "x\ty\n"), HasSubstr("has no examples; "));
  EXPECT_THAT(OpenError("b.tsv", ""), HasSubstr("has no examples; "));
}

TEST_F(ExampleFileTest, OtherFilesAreRefused) {
  EXPECT_THAT(OpenError("a.csv", "x"), HasSubstr("name a .jsonl or a .tsv"));
  EXPECT_EQ(ExampleFile::Open(dir_.File("none.tsv"), {}).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace perdure
