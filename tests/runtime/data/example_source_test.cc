#include "runtime/data/example_source.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSeed = 5;

class ExampleSourceTest : public ::testing::Test {
 protected:
  ExampleSourceTest() {
    task_.add_column("n");
    task_.add_train(Numbers("a.tsv", 0, 30));
    task_.add_train(Numbers("b.tsv", 30, 50));
  }
  // One column with the numbers [begin, end).
  std::string Numbers(absl::string_view name, int begin, int end) {
    std::string content;
    for (int i = begin; i < end; ++i) absl::StrAppend(&content, i, "\n");
    return dir_.Write(name, content);
  }
  std::vector<std::string> Values(Split split, uint64_t seed = kSeed) {
    const auto source = ExampleSource::Open(task_, split, seed);
    EXPECT_TRUE(source.ok()) << source.status();
    std::vector<std::string> values;
    for (int64_t i = 0; i < source->size(); ++i) {
      values.emplace_back(*source->Read(i)->Get("n"));
    }
    return values;
  }
  std::string Error(Split split) {
    const auto source = ExampleSource::Open(task_, split, kSeed);
    return std::string(source.status().message());
  }
  TempDir dir_;
  TaskConfig task_;
};

TEST_F(ExampleSourceTest, AllExamplesComeInTheOrderOfTheFiles) {
  const std::vector<std::string> values = Values(Split::kTrain);
  ASSERT_EQ(values.size(), 50u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(values[i], absl::StrCat(i));
}

TEST_F(ExampleSourceTest, ExamplesAreLocatedInTheirFiles) {
  const auto source = ExampleSource::Open(task_, Split::kTrain, kSeed);
  EXPECT_EQ(source->Locate(29).file, 0);
  EXPECT_EQ(source->Locate(29).offset, 29);
  EXPECT_EQ(source->Locate(30).file, 1);
  EXPECT_EQ(source->Locate(30).offset, 0);
}

TEST_F(ExampleSourceTest, ChoiceIsOfTheSeedAndCoversDifferentExamples) {
  task_.set_train_examples(20);
  const auto chosen = Values(Split::kTrain);
  EXPECT_EQ(std::set<std::string>(chosen.begin(), chosen.end()).size(), 20u);
  EXPECT_EQ(chosen, Values(Split::kTrain));
  EXPECT_NE(chosen, Values(Split::kTrain, kSeed + 1));
}

TEST_F(ExampleSourceTest, LongerChoiceHasTheShorterOne) {
  task_.set_train_examples(10);
  const auto few = Values(Split::kTrain);
  task_.set_train_examples(20);
  const auto more = Values(Split::kTrain);
  EXPECT_TRUE(
      std::set<std::string>(more.begin(), more.end()).contains(few.front()));
}

TEST_F(ExampleSourceTest, ValidationCutFromTrainingIsNotTrainedOn) {
  task_.set_val_examples(15);
  for (const int train : {0, 10, 35}) {
    task_.set_train_examples(train);
    const auto trained = Values(Split::kTrain), held_out = Values(Split::kVal);
    EXPECT_EQ(trained.size(), train == 0 ? 35u : static_cast<size_t>(train));
    EXPECT_EQ(held_out.size(), 15u);
    std::set<std::string> all(trained.begin(), trained.end());
    all.insert(held_out.begin(), held_out.end());
    EXPECT_EQ(all.size(), trained.size() + held_out.size());
  }
}

TEST_F(ExampleSourceTest, OtherSplitsHaveFilesAndNumbersOfTheirOwn) {
  task_.add_val(Numbers("v.tsv", 100, 110));
  task_.add_test(Numbers("t.tsv", 200, 210));
  task_.set_val_examples(4);
  EXPECT_EQ(Values(Split::kTrain).size(), 50u);
  EXPECT_EQ(Values(Split::kVal).size(), 4u);
  EXPECT_EQ(Values(Split::kTest).size(), 10u);
  task_.set_test_examples(3);
  EXPECT_EQ(Values(Split::kTest).size(), 3u);
  EXPECT_GE(Values(Split::kTest).front(), "200");
}

TEST_F(ExampleSourceTest, TooFewExamplesAreAnErrorWithBothNumbers) {
  task_.set_train_examples(51);
  EXPECT_EQ(Error(Split::kTrain),
            "task.train_examples: 51, but the files have 50 examples; give a "
            "smaller number");
  task_.set_train_examples(40);
  task_.set_val_examples(11);
  for (const Split split : {Split::kTrain, Split::kVal}) {
    EXPECT_THAT(Error(split),
                HasSubstr("task.train_examples + task.val_examples: 51, but"));
  }
  task_.set_train_examples(0);
  task_.set_val_examples(50);  // nothing would be left
  EXPECT_THAT(Error(Split::kTrain), HasSubstr("50, but the files have 50"));
  task_.add_test(Numbers("t.tsv", 0, 3));
  task_.set_test_examples(4);
  EXPECT_THAT(Error(Split::kTest), HasSubstr("task.test_examples: 4, but"));
}

TEST_F(ExampleSourceTest, SplitWithoutFilesIsAnError) {
  EXPECT_THAT(Error(Split::kVal), HasSubstr("give task.val files, or"));
  EXPECT_THAT(Error(Split::kTest), HasSubstr("give task.test files"));
  task_.clear_train();
  EXPECT_THAT(Error(Split::kTrain), HasSubstr("task.train: no files"));
}

TEST_F(ExampleSourceTest, SeenValuesAreDistinctAndFew) {
  task_.clear_train();
  task_.add_train(dir_.Write("x.tsv", "1\n0\n1\n"));
  EXPECT_EQ(ExampleSource::Open(task_, Split::kTrain, 0)->SeenValues("n"),
            "\"0\", \"1\"");
}

}  // namespace
}  // namespace perdure
