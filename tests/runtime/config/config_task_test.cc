// The section `task` of a config: checked, resolved, changed, compared.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kRest[] =
    "model { family: \"gpt2\" vocab_size: 300 context: 64 layers: 2 heads: 2 "
    "hidden: 8 }\n"
    "data { tokenizer: \"gpt2\" }\n"
    "train { steps: 100 global_batch: 8 }\n";
constexpr char kClassification[] =
    "task { kind: CLASSIFICATION train: \"a.tsv\" val: \"b.tsv\"\n"
    "  column: \"sentence\" column: \"label\"\n"
    "  prompt: \"{sentence} It was\" label_field: \"label\"\n"
    "  label { value: \"0\" word: \" terrible\" }\n"
    "  label { value: \"1\" word: \" great\" } }\n";
constexpr char kLanguageModel[] =
    "task { train: \"a.jsonl\" prompt: \"Answer: \" completion: \"{text}\" }\n";

RunConfig Parsed(const std::string& task) {
  const auto config = ParseConfig(kRest + task, "good");
  EXPECT_TRUE(config.ok()) << config.status();
  return *config;
}

std::vector<std::string> ProblemsAfter(
    const std::string& task, const std::vector<std::string>& assignments) {
  RunConfig config = Parsed(task);
  const absl::Status status = ApplyOverrides(assignments, &config);
  EXPECT_TRUE(status.ok()) << status;
  return ValidateConfig(config, /*for_training=*/true);
}

TEST(TaskConfigTest, GoodOnesHaveNoProblemsBeforeAndAfterResolving) {
  for (const char* task : {kClassification, kLanguageModel}) {
    EXPECT_THAT(ProblemsAfter(task, {}), IsEmpty());
    EXPECT_THAT(ValidateConfig(ResolveConfig(Parsed(task)), true), IsEmpty());
  }
}

TEST(TaskConfigTest, ResolvingFillsATaskButMakesNone) {
  EXPECT_FALSE(ResolveConfig(Parsed("")).has_task());
  const TaskConfig task = ResolveConfig(Parsed(kLanguageModel)).task();
  EXPECT_TRUE(task.has_packing() && task.packing());
  EXPECT_TRUE(task.has_kind());
  EXPECT_FALSE(task.has_add_bos());  // the tokenizer's business
}

TEST(TaskConfigTest, EverythingAClassificationNeedsIsAskedForAtOnce) {
  RunConfig config = Parsed("task { kind: CLASSIFICATION }");
  config.clear_data();
  EXPECT_THAT(ValidateConfig(config, true),
              ElementsAre(StartsWith("data.tokenizer: is missing"),
                          StartsWith("task.train: is missing"),
                          StartsWith("task.prompt: is missing"),
                          StartsWith("task.label_field: is missing"),
                          StartsWith("task.label: has 0 classes")));
}

TEST(TaskConfigTest, TokenizerMayComeWithTheWeights) {
  RunConfig config = Parsed(kLanguageModel);
  config.clear_data();
  config.clear_model();
  config.mutable_model()->set_init_from("some/dir");
  EXPECT_THAT(ValidateConfig(config, true), IsEmpty());
}

TEST(TaskConfigTest, CandidatesAreForZerothOrderTraining) {
  EXPECT_THAT(ProblemsAfter(kClassification, {"task.objective=CANDIDATES",
                                              "train.method=ZEROTH_ORDER"}),
              IsEmpty());
}

TEST(TaskConfigTest, ValidationExamplesMayBeCutFromTraining) {
  EXPECT_THAT(ProblemsAfter(kLanguageModel,
                            {"eval.every_steps=5", "task.val_examples=10"}),
              IsEmpty());
}

TEST(TaskConfigTest, FieldsOfJsonAreNotKnownBeforehand) {
  EXPECT_THAT(ProblemsAfter(kClassification,
                            {"task.val=b.jsonl", "task.prompt={text} is"}),
              IsEmpty());
}

struct Case {
  const char* task;
  std::vector<std::string> assignments;
  std::string path;  // of the one problem
  std::string text;  // in it
};

class OneTaskProblemTest : public ::testing::TestWithParam<Case> {};

TEST_P(OneTaskProblemTest, IsNamedWithItsPathValueAndRemedy) {
  EXPECT_THAT(ProblemsAfter(GetParam().task, GetParam().assignments),
              ElementsAre(AllOf(StartsWith(GetParam().path + ": "),
                                HasSubstr(GetParam().text), HasSubstr("; "))));
}

INSTANTIATE_TEST_SUITE_P(
    Files, OneTaskProblemTest,
    ::testing::Values(
        Case{kClassification, {"task.train=a.csv"}, "task.train[0]", "a.csv"},
        Case{kClassification, {"task.val[1]=b"}, "task.val[1]", "'b'"},
        Case{kLanguageModel, {"task.test="}, "task.test[0]", "''"},
        Case{kLanguageModel,
             {"data.train.path=a.tokens"},
             "data.train",
             "one of the two"},
        Case{kLanguageModel,
             {"data.val_fraction=0.1"},
             "data.val_fraction",
             "one of the two"},
        Case{kLanguageModel,
             {"eval.every_steps=5"},
             "eval.every_steps",
             "task.val or task.val_examples"},
        Case{kLanguageModel,
             {"task.train_examples=-1"},
             "task.train_examples",
             "-1"},
        Case{kLanguageModel,
             {"task.val_examples=-1"},
             "task.val_examples",
             "-1"},
        Case{kLanguageModel,
             {"task.test_examples=9"},
             "task.test_examples",
             "names no file"},
        Case{kLanguageModel,
             {"task.column=text"},
             "task.column",
             "there are none"},
        Case{kClassification,
             {"task.column[2]=label"},
             "task.column[2]",
             "'label' is there already"},
        Case{kClassification,
             {"task.column[2]="},
             "task.column[2]",
             "is empty"}));

INSTANTIATE_TEST_SUITE_P(
    Templates, OneTaskProblemTest,
    ::testing::Values(Case{kClassification,
                           {"task.prompt={sentense} It was"},
                           "task.prompt",
                           "no field 'sentense', did you mean 'sentence'"},
                      Case{kClassification,
                           {"task.prompt=It was"},
                           "task.prompt",
                           "the same for all"},
                      Case{kClassification,
                           {"task.prompt={sentence It was"},
                           "task.prompt",
                           "character 1: '{' is not closed"},
                      Case{kClassification,
                           {"task.label_field=lable"},
                           "task.label_field",
                           "did you mean 'label'"},
                      Case{kLanguageModel,
                           {"task.completion=x"},
                           "task.completion",
                           "the same for all"},
                      Case{kLanguageModel,
                           {"task.completion={x}}"},
                           "task.completion",
                           "closes nothing"},
                      Case{kLanguageModel,
                           {"task.completion="},
                           "task.completion",
                           "is missing"}));

INSTANTIATE_TEST_SUITE_P(
    Kinds, OneTaskProblemTest,
    ::testing::Values(Case{kClassification,
                           {"task.completion={label}"},
                           "task.completion",
                           "LANGUAGE_MODEL"},
                      Case{kClassification,
                           {"task.add_eod=true"},
                           "task.add_eod",
                           "LANGUAGE_MODEL"},
                      Case{kClassification,
                           {"task.objective=CANDIDATES"},
                           "task.objective",
                           "ZEROTH_ORDER"},
                      Case{kClassification,
                           {"task.label={value: '0' word: ' a'}"},
                           "task.label",
                           "has 1 classes"},
                      Case{kClassification,
                           {"task.label[1].value=0"},
                           "task.label[1].value",
                           "'0' has a label already"},
                      Case{kClassification,
                           {"task.label[0].value="},
                           "task.label[0].value",
                           "is missing"},
                      Case{kClassification,
                           {"task.label[0].word= great"},
                           "task.label[1].word",
                           "' great' stands for another"},
                      Case{kClassification,
                           {"task.label[1].word="},
                           "task.label[1].word",
                           "is missing"},
                      Case{kLanguageModel,
                           {"task.label_field=x"},
                           "task.label_field",
                           "for a classification"},
                      Case{kLanguageModel,
                           {"task.label={value: 'a' word: 'b'}"},
                           "task.label",
                           "for a classification"},
                      Case{kLanguageModel,
                           {"task.objective=CANDIDATES"},
                           "task.objective",
                           "for a classification"}));

TEST(TaskConfigTest, ListOfStringsStartsAnewAtItsFirstAssignment) {
  RunConfig config = Parsed(kLanguageModel);
  ASSERT_TRUE(
      ApplyOverrides({"task.train=b.tsv", "task.train=c.tsv"}, &config).ok());
  EXPECT_THAT(config.task().train(), ElementsAre("b.tsv", "c.tsv"));
}

TEST(TaskConfigTest, ElementOfAListOfStringsIsNamedByItsNumber) {
  RunConfig config = Parsed(kLanguageModel);
  ASSERT_TRUE(
      ApplyOverrides({"task.train[1]=b.tsv", "task.train[0]=c.tsv"}, &config)
          .ok());
  EXPECT_THAT(config.task().train(), ElementsAre("c.tsv", "b.tsv"));
  const absl::Status status = ApplyOverrides({"task.train[3]=d"}, &config);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("task.train has 2 elements; [2] would be the next"));
}

TEST(TaskConfigTest, DifferencesNameElementsOfLists) {
  const RunConfig a = Parsed(kClassification);
  RunConfig b = a;
  b.mutable_task()->set_train(0, "c.tsv");
  b.mutable_task()->add_val("d.tsv");
  b.mutable_task()->mutable_label(1)->set_word(" good");
  EXPECT_THAT(DiffConfigs(a, b),
              ElementsAre("task.train[0]: \"a.tsv\" -> \"c.tsv\"",
                          "task.val[1]: (none) -> \"d.tsv\"",
                          "task.label[1].word: \" great\" -> \" good\""));
  EXPECT_THAT(DiffConfigs(a, a), IsEmpty());
}

}  // namespace
}  // namespace perdure
