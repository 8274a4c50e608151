#include "runtime/data/example_dataset.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/runtime/data/small_vocabulary.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kLength = 24;
constexpr uint64_t kSeed = 3;

// Bytes are their own ids: 'a' is 97. "<|endoftext|>" is 261, " w" is 260.
class ExampleDatasetTest : public ::testing::Test {
 protected:
  ExampleDatasetTest() {
    tokenizer_ = *LoadTokenizer(
        dir_.Write("tokenizer.json", SmallByteLevelJson().dump()));
    std::string content;
    for (int i = 0; i < 23; ++i) {
      absl::StrAppend(&content, std::string(1 + i * 7 % 11, 'a' + i), "\t",
                      i % 3, "\n");
    }
    path_ = dir_.Write("a.tsv", content);
  }

  TaskConfig Task(const std::string& text) {
    TaskConfig task;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &task));
    task.add_column("text");
    task.add_column("class");
    if (task.train().empty()) task.add_train(path_);
    task.add_test(task.train(0));
    return task;
  }
  TaskConfig Classification(const std::string& more = "") {
    return Task(
        "kind: CLASSIFICATION prompt: '{text}:' label_field: 'class' "
        "label { value: '0' word: 'x' } label { value: '1' word: 'yy' } "
        "label { value: '2' word: 'zzz' } " +
        more);
  }

  std::unique_ptr<Dataset> Open(const TaskConfig& task, Split split,
                                int64_t length = kLength) {
    auto opened = OpenExamples(task, *tokenizer_, split, length, 262, kSeed);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }
  std::string Error(const TaskConfig& task, int64_t length = kLength,
                    int32_t vocab_size = 262) {
    const auto opened = OpenExamples(task, *tokenizer_, Split::kTrain, length,
                                     vocab_size, kSeed);
    return std::string(opened.status().message());
  }
  // A task on one line of text.
  std::string LineError(const std::string& line, TaskConfig task,
                        int64_t length = kLength) {
    task.set_train(0, dir_.Write("line.tsv", line));
    return Error(task, length);
  }

  TempDir dir_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::string path_;
};

Batch Read(const Dataset& data, int64_t first, int64_t count) {
  Batch batch;
  const absl::Status status = data.Read(first, count, &batch);
  EXPECT_TRUE(status.ok()) << status;
  return batch;
}

// A segment taken out of its batch again.
struct Segment {
  std::vector<int32_t> ids, targets, positions, first_visible;
  std::vector<float> weights;
  bool operator==(const Segment& other) const {
    return ids == other.ids && targets == other.targets &&
           weights == other.weights && positions == other.positions;
  }
};

std::vector<Segment> Unpacked(const Batch& batch) {
  std::vector<Segment> segments(batch.segment_count);
  for (size_t i = 0; i < batch.segments.size(); ++i) {
    if (batch.segments[i] < 0) continue;
    Segment& segment = segments[batch.segments[i]];
    segment.ids.push_back(batch.ids[i]);
    segment.targets.push_back(batch.targets[i]);
    segment.weights.push_back(batch.weights[i]);
    segment.positions.push_back(batch.positions[i]);
    segment.first_visible.push_back(batch.first_visible[i]);
  }
  return segments;
}

std::vector<int32_t> Bytes(absl::string_view text) {
  return {text.begin(), text.end()};
}

TEST_F(ExampleDatasetTest, CompletionFollowsThePromptAndCountsAlone) {
  TaskConfig task = Task("prompt: 'A{class}:' completion: '{text}'");
  task.set_train(0, dir_.Write("one.tsv", "bcd\t7\n"));
  const Batch batch = Read(*Open(task, Split::kTrain), 0, 1);
  EXPECT_EQ(batch.batch, 1);
  EXPECT_EQ(batch.tokens, 8);
  EXPECT_EQ(batch.losses(), 1);
  EXPECT_THAT(batch.gold, IsEmpty());
  const Segment segment = Unpacked(batch)[0];
  EXPECT_EQ(segment.ids, Bytes("A7:bc"));
  EXPECT_EQ(segment.targets, Bytes("7:bcd"));
  EXPECT_THAT(segment.weights, ElementsAre(0, 0, 1, 1, 1));
  EXPECT_THAT(segment.positions, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(batch.segments, ElementsAre(0, 0, 0, 0, 0, -1, -1, -1));
  EXPECT_THAT(batch.weights, ElementsAre(0, 0, 1, 1, 1, 0, 0, 0));
  EXPECT_THAT(batch.first_visible, ElementsAre(0, 0, 0, 0, 0, 5, 6, 7));
}

TEST_F(ExampleDatasetTest, WithoutPromptAllTokensCountThatAnotherPredicts) {
  TaskConfig task = Task("completion: '{text}'");
  task.set_train(0, dir_.Write("one.tsv", "bcd\t7\n"));
  EXPECT_THAT(Unpacked(Read(*Open(task, Split::kTrain), 0, 1))[0].weights,
              ElementsAre(1, 1));
  task.set_add_bos(true);
  task.set_add_eod(true);
  const Segment marked = Unpacked(Read(*Open(task, Split::kTrain), 0, 1))[0];
  EXPECT_THAT(marked.ids, ElementsAre(261, 'b', 'c', 'd'));
  EXPECT_THAT(marked.targets, ElementsAre('b', 'c', 'd', 261));
  EXPECT_THAT(marked.weights, Each(1));
}

TEST_F(ExampleDatasetTest, TokensAcrossTheBoundaryCount) {
  // "hell" and "o" are one token together, which the prompt alone has not.
  TaskConfig task = Task("prompt: '{text}' completion: '{class}'");
  task.set_train(0, dir_.Write("one.tsv", "ahell\tow\n"));
  const Segment segment = Unpacked(Read(*Open(task, Split::kTrain), 0, 1))[0];
  EXPECT_THAT(segment.targets, ElementsAre(259, 'w'));
  EXPECT_THAT(segment.weights, ElementsAre(1, 1));
}

TEST_F(ExampleDatasetTest, PromptThatEndsInASpaceIsEncodedWithTheWord) {
  TaskConfig task = Task("prompt: '{text} ' completion: 'w{class}'");
  task.set_train(0, dir_.Write("one.tsv", "a\tb\n"));
  const Segment segment = Unpacked(Read(*Open(task, Split::kTrain), 0, 1))[0];
  EXPECT_THAT(segment.targets, ElementsAre(260, 'b'));
  EXPECT_THAT(segment.weights, ElementsAre(1, 1));
}

TEST_F(ExampleDatasetTest, TrainingOnLabelsHasTheRightOneAlone) {
  const auto data = Open(Classification(), Split::kTrain);
  const Batch batch = Read(*data, 0, 4);
  EXPECT_EQ(batch.candidates, 1);
  EXPECT_EQ(batch.losses(), 4);
  EXPECT_THAT(batch.gold, IsEmpty());
  for (const Segment& segment : Unpacked(batch)) {
    const std::string word = std::map<int32_t, std::string>{
        {'x', "x"},
        {'y', "yy"},
        {'z', "zzz"}}.at(segment.targets.back());
    const double counted =
        std::accumulate(segment.weights.begin(), segment.weights.end(), 0.0);
    EXPECT_EQ(counted, word.size());
    // The last of the prompt predicts the first of the word.
    EXPECT_EQ(segment.ids[segment.ids.size() - word.size()], ':');
  }
}

TEST_F(ExampleDatasetTest, EvaluationHasAllCandidatesOfAnExampleTogether) {
  const Batch batch = Read(*Open(Classification(), Split::kTest), 0, 5);
  EXPECT_EQ(batch.candidates, 3);
  EXPECT_EQ(batch.losses(), 15);
  EXPECT_THAT(batch.gold, ElementsAre(0, 1, 2, 0, 1));
  const std::vector<Segment> segments = Unpacked(batch);
  EXPECT_EQ(segments[3].ids, Bytes("bbbbbbbb:"));
  EXPECT_EQ(segments[4].ids, Bytes("bbbbbbbb:y"));
  EXPECT_EQ(segments[5].ids, Bytes("bbbbbbbb:zz"));
  EXPECT_EQ(segments[5].targets, Bytes("bbbbbbb:zzz"));
}

TEST_F(ExampleDatasetTest, CandidatesMayBeTrainedOnToo) {
  const Batch batch =
      Read(*Open(Classification("objective: CANDIDATES"), Split::kTrain), 0, 2);
  EXPECT_EQ(batch.candidates, 3);
  EXPECT_EQ(batch.gold.size(), 2u);
}

TEST_F(ExampleDatasetTest, TestExamplesComeInOrderAndWrapAround) {
  const auto data = Open(Classification(), Split::kTest);
  EXPECT_EQ(data->windows(), 23);
  for (int64_t sample = 0; sample < 50; ++sample) {
    EXPECT_EQ(data->Locate(sample).offset, sample % 23);
  }
  EXPECT_EQ(Unpacked(Read(*data, 23, 2)), Unpacked(Read(*data, 0, 2)));
}

TEST_F(ExampleDatasetTest, EveryEpochHasEveryExampleInAnOrderOfItsOwn) {
  const auto data = Open(Classification(), Split::kTrain);
  std::vector<std::vector<int64_t>> orders(3);
  for (int64_t sample = 0; sample < 3 * 23; ++sample) {
    orders[sample / 23].push_back(data->Locate(sample).offset);
  }
  for (const std::vector<int64_t>& order : orders) {
    EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), 23u);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
}

TEST_F(ExampleDatasetTest, SamplesDoNotDependOnHowTheyAreAskedFor) {
  const TaskConfig task = Classification("objective: CANDIDATES");
  const auto data = Open(task, Split::kTrain);
  const std::vector<Segment> all = Unpacked(Read(*data, 5, 40));
  for (int64_t i = 0; i < 40; ++i) {
    const std::vector<Segment> one =
        Unpacked(Read(*Open(task, Split::kTrain), 5 + i, 1));
    ASSERT_EQ(one.size(), 3u);
    for (int c = 0; c < 3; ++c) EXPECT_TRUE(all[3 * i + c] == one[c]) << i;
  }
  // The whole batch is a pure function too, packing and all.
  const Batch a = Read(*data, 5, 40),
              b = Read(*Open(task, Split::kTrain), 5, 40);
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.segments, b.segments);
  EXPECT_EQ(a.sequence, b.sequence);
}

TEST_F(ExampleDatasetTest, PackedTextsSeeOnlyThemselvesAndPaddingNothing) {
  const auto data = Open(Classification(), Split::kTest);
  const Batch batch = Read(*data, 0, 23);
  EXPECT_LT(batch.batch, 0.75 * batch.segment_count);  // it does pack
  EXPECT_LE(batch.tokens, kLength);
  for (int64_t row = 0; row < batch.batch; ++row) {
    for (int64_t t = 0; t < batch.tokens; ++t) {
      const int64_t i = row * batch.tokens + t;
      const int32_t first = batch.first_visible[i];
      ASSERT_LE(first, t);
      for (int64_t seen = first; seen <= t; ++seen) {
        ASSERT_EQ(batch.segments[row * batch.tokens + seen], batch.segments[i]);
      }
      if (batch.segments[i] < 0) {
        EXPECT_EQ(first, t);
        EXPECT_EQ(batch.weights[i], 0);
      } else {
        EXPECT_EQ(batch.positions[i], t - first);
      }
    }
  }
}

TEST_F(ExampleDatasetTest, PackingChangesNoText) {
  TaskConfig task = Classification();
  const auto packed = Open(task, Split::kTest);
  task.set_packing(false);
  const auto alone = Open(task, Split::kTest);
  const Batch wide = Read(*alone, 3, 9), dense = Read(*packed, 3, 9);
  EXPECT_EQ(wide.batch, 27);
  EXPECT_LT(dense.batch, 20);
  EXPECT_EQ(Unpacked(wide), Unpacked(dense));
  EXPECT_EQ(wide.CountedTokens(), dense.CountedTokens());
}

TEST_F(ExampleDatasetTest, RowsAreNumberedByTheirFirstTextOfTheWholeRun) {
  const Batch batch = Read(*Open(Classification(), Split::kTest), 10, 6);
  ASSERT_EQ(static_cast<int64_t>(batch.sequence.size()), batch.batch);
  for (int64_t row = 0; row < batch.batch; ++row) {
    EXPECT_EQ(batch.sequence[row], 10 * 3 + batch.segments[row * batch.tokens]);
  }
}

TEST_F(ExampleDatasetTest, NoBatchHasMoreRowsThanAnnounced) {
  for (const bool packing : {true, false}) {
    TaskConfig task = Classification("objective: CANDIDATES");
    task.set_packing(packing);
    const auto data = Open(task, Split::kTrain);
    for (const int64_t count : {1, 2, 7, 23, 60}) {
      int64_t most = 0;
      for (int64_t first = 0; first < 150; ++first) {
        const Batch batch = Read(*data, first, count);
        most = std::max(most, batch.batch * batch.tokens);
      }
      EXPECT_LE(most, data->max_rows(count));
      EXPECT_LE(data->max_rows(count), 3 * count * kLength);
    }
  }
}

TEST_F(ExampleDatasetTest, LongPromptsLoseTheirStartButNotTheBos) {
  TaskConfig task = Classification("add_bos: true");
  task.set_test(0, dir_.Write("long.tsv", "abcdefghijkl\t2\nab\t0\n"));
  const auto data = Open(task, Split::kTest, /*length=*/8);
  const std::vector<Segment> segments = Unpacked(Read(*data, 0, 2));
  EXPECT_THAT(segments[0].ids,
              ElementsAre(261, 'g', 'h', 'i', 'j', 'k', 'l', ':'));
  EXPECT_EQ(segments[0].targets.back(), 'x');
  EXPECT_THAT(segments[2].ids,
              ElementsAre(261, 'i', 'j', 'k', 'l', ':', 'z', 'z'));
  EXPECT_THAT(segments[2].weights, ElementsAre(0, 0, 0, 0, 0, 1, 1, 1));
  EXPECT_EQ(segments[3].ids.size(), 4u);  // BOS a b :
  EXPECT_THAT(data->Describe(),
              HasSubstr("1 file, 2 examples, 45 tokens, 3 prompts cut"));
}

TEST_F(ExampleDatasetTest, CompletionThatIsTooLongLosesItsEnd) {
  TaskConfig task = Task("prompt: '{class}:' completion: '{text}'");
  task.set_train(0, dir_.Write("long.tsv", "abcdefgh\t2\n"));
  const auto data = Open(task, Split::kTrain, /*length=*/6);
  const Segment segment = Unpacked(Read(*data, 0, 1))[0];
  EXPECT_EQ(segment.ids, Bytes(":abcde"));
  EXPECT_EQ(segment.targets, Bytes("abcdef"));
  EXPECT_THAT(segment.weights, Each(1));
  EXPECT_THAT(data->Describe(), HasSubstr("1 prompt cut on the left, 1 "
                                          "completion cut at the end"));
}

TEST_F(ExampleDatasetTest, LabelWordThatDoesNotFitIsAnError) {
  EXPECT_THAT(LineError("a\t2\n", Classification("add_bos: true"), 2),
              HasSubstr("line.tsv:1: a label word of 3 tokens does not fit "
                        "into train.sequence_length = 2; "));
}

TEST_F(ExampleDatasetTest, ClassWithoutALabelIsNamedWithTheValuesSeen) {
  EXPECT_THAT(
      LineError("a\t0\nb\tgood\nc\t1\n", Classification()),
      HasSubstr("line.tsv:2: \"good\" in field \"class\" has no label; give "
                "task.label those values that are in the files: \"0\", \"1\", "
                "\"good\" (it has \"0\", \"1\", \"2\")"));
}

TEST_F(ExampleDatasetTest, ExampleWithNothingToPredictIsAnError) {
  EXPECT_THAT(LineError("\t0\n", Task("completion: '{text}'")),
              HasSubstr("line.tsv:1: nothing follows the prompt; "));
  EXPECT_THAT(LineError("\t0\n", Task("prompt: 'x{class}' completion: "
                                      "'{text}'")),
              HasSubstr("nothing follows the prompt; "));
  EXPECT_THAT(LineError("a\t0\n", Task("completion: '{text}'")),
              HasSubstr("no token before the first that counts; "));
  TaskConfig task = Classification();
  task.set_prompt("{text}");
  EXPECT_THAT(LineError("\t0\n", task), HasSubstr("or set task.add_bos"));
}

TEST_F(ExampleDatasetTest, UnknownFieldIsAnError) {
  TaskConfig task = Classification();
  task.set_prompt("{texts}");
  EXPECT_THAT(Error(task), HasSubstr("a.tsv:1: no field \"texts\", did you "
                                     "mean 'text'?"));
  task.set_prompt("{text");
  EXPECT_THAT(Error(task), HasSubstr("task.prompt: character 1: '{' is not"));
}

TEST_F(ExampleDatasetTest, TokenizerMustFitModelAndTask) {
  EXPECT_THAT(
      Error(Classification(), kLength, 261),
      HasSubstr("data.tokenizer: has 262 ids, model.vocab_size is 261; "));
  const auto characters = BuildCharTokenizer("ab");
  TaskConfig task = Task("completion: '{text}' add_bos: true");
  const auto error = [&] {
    return std::string(
        OpenExamples(task, **characters, Split::kTrain, kLength, 262, kSeed)
            .status()
            .message());
  };
  EXPECT_THAT(error(), HasSubstr("task.add_bos: the tokenizer has no"));
  task.clear_add_bos();
  task.set_add_eod(true);
  EXPECT_THAT(error(), HasSubstr("task.add_eod: the tokenizer has no"));
}

TEST_F(ExampleDatasetTest, SamplesBelowZeroDoNotExist) {
  Batch batch;
  EXPECT_EQ(Open(Classification(), Split::kTest)->Read(-1, 1, &batch).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace perdure
