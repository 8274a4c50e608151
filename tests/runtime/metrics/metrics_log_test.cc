#include "runtime/metrics/metrics_log.h"

#include <limits>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

StepRecord Record(int64_t step, double loss) {
  StepRecord record;
  record.step = step;
  record.loss = loss;
  record.tokens = 768;
  record.learning_rate = 1e-3 / 3;
  record.grad_norm = 0.1 + 0.2;
  record.seconds = 0.25;
  return record;
}

class MetricsLogTest : public testing::Test {
 protected:
  std::string file() const { return scratch_.path() + "/metrics.jsonl"; }
  std::string text() const { return ReadFile(file()).value(); }
  std::unique_ptr<MetricsLog> Open(int64_t resume_step) const {
    auto log = MetricsLog::Open(scratch_.path(), resume_step);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? *std::move(log) : nullptr;
  }
  // Steps 1 to 3 with an evaluation at 2.
  void WriteThreeSteps() const {
    auto log = Open(-1);
    ASSERT_TRUE(log->Step(Record(1, 3.0)).ok());
    ASSERT_TRUE(log->Step(Record(2, 2.0)).ok());
    ASSERT_TRUE(log->Evaluation({2, 2.25, {}}).ok());
    ASSERT_TRUE(log->Step(Record(3, 1.0)).ok());
  }
  void Append(const std::string& bytes) const {
    auto lines = File::Open(file(), File::Mode::kAppend);
    ASSERT_TRUE(lines.ok());
    ASSERT_TRUE(lines->Write(bytes.data(), bytes.size()).ok());
  }
  ScratchDirectory scratch_;
};

TEST_F(MetricsLogTest, NumbersKeepEveryBit) {
  const double loss = 3.0000000000000004;  // the double behind 3
  ASSERT_TRUE(Open(-1)->Step(Record(1, loss)).ok());
  const auto line = nlohmann::json::parse(text());
  EXPECT_EQ(line["step"], 1);
  EXPECT_EQ(line["loss"].get<double>(), loss);
  EXPECT_EQ(line["tokens"], 768);
  EXPECT_EQ(line["seconds"].get<double>(), 0.25);
  EXPECT_EQ(line["lr"].get<double>(), 1e-3 / 3);
  EXPECT_EQ(line["grad_norm"].get<double>(), 0.1 + 0.2);
  EXPECT_FALSE(line.contains("skipped"));
}

TEST_F(MetricsLogTest, EachLineIsThereWithoutClosing) {
  auto log = Open(-1);
  ASSERT_TRUE(log->Evaluation({5, 1.5, 0.75}).ok());
  EXPECT_EQ(text(), "{\"step\":5,\"val_loss\":1.5,\"val_accuracy\":0.75}\n");
}

TEST_F(MetricsLogTest, BadStepIsMarkedAndItsNanIsNull) {
  StepRecord record = Record(4, std::numeric_limits<double>::quiet_NaN());
  record.skipped = true;
  ASSERT_TRUE(Open(-1)->Step(record).ok());
  const auto line = nlohmann::json::parse(text());
  EXPECT_TRUE(line["loss"].is_null());
  EXPECT_EQ(line["skipped"], true);
}

TEST_F(MetricsLogTest, ResumeCutsLaterStepsAndGoesOn) {
  WriteThreeSteps();
  const std::string before = text();
  auto log = Open(2);
  const std::string kept = text();
  EXPECT_EQ(kept, before.substr(0, kept.size()));
  EXPECT_NE(kept.find("\"val_loss\":2.25"), std::string::npos);
  EXPECT_EQ(kept.find("\"step\":3"), std::string::npos);
  ASSERT_TRUE(log->Step(Record(3, 1.0)).ok());
  EXPECT_EQ(text(), before);
}

TEST_F(MetricsLogTest, ResumeAtTheEndLeavesTheFileAlone) {
  WriteThreeSteps();
  const std::string before = text();
  Open(3);
  EXPECT_EQ(text(), before);
}

TEST_F(MetricsLogTest, ResumeAtZeroStartsAnew) {
  WriteThreeSteps();
  Open(0);
  EXPECT_EQ(text(), "");
}

TEST_F(MetricsLogTest, TornLastLineIsDropped) {
  WriteThreeSteps();
  const std::string before = text();
  Append("{\"step\":3,\"val_lo");
  Open(3);
  EXPECT_EQ(text(), before);
}

// "12" may be what is left of "123": without its line end even a line that
// reads well is not trusted.
TEST_F(MetricsLogTest, LastLineWithoutItsEndIsDropped) {
  WriteThreeSteps();
  const std::string before = text();
  Append("{\"step\":3,\"val_loss\":12}");
  Open(3);
  EXPECT_EQ(text(), before);
}

TEST_F(MetricsLogTest, ZeroesThatACrashLeftAreDropped) {
  WriteThreeSteps();
  const std::string before = text();
  Append(std::string(100, '\0') + "\n" + std::string(9, '\0'));
  Open(3);
  EXPECT_EQ(text(), before);
}

// The process ended between a step's record and its line; or the machine, and
// many lines were in memory only.
TEST_F(MetricsLogTest, LinesOfFinishedStepsThatAreMissingAreWritten) {
  WriteThreeSteps();
  const std::string before = text();
  const std::vector<StepRecord> finished = {Record(1, 3.0), Record(2, 2.0),
                                            Record(3, 1.0)};
  for (const std::string& left :
       {before, std::string(), before.substr(0, before.size() - 5),
        before.substr(before.find('\n') + 1)}) {
    ASSERT_TRUE(WriteFileAtomically(file(), left).ok());
    const bool evaluated = text().find("val_loss") != std::string::npos;
    ASSERT_TRUE(MetricsLog::Open(scratch_.path(), 3, finished).ok());
    if (evaluated) {
      EXPECT_EQ(text(), before);
    }
    EXPECT_EQ(absl::StrContains(text(), "val_loss"), evaluated);
    for (const char* step : {"{\"step\":1,", "{\"step\":2,", "{\"step\":3,"}) {
      EXPECT_TRUE(absl::StrContains(text(), step)) << step;
    }
  }
}

TEST_F(MetricsLogTest, AnEvaluationThatIsMadeAgainLosesItsLine) {
  WriteThreeSteps();
  const std::vector<StepRecord> finished = {Record(1, 3.0), Record(2, 2.0)};
  ASSERT_TRUE(MetricsLog::Open(scratch_.path(), 2, finished, true).ok());
  EXPECT_FALSE(absl::StrContains(text(), "val_loss"));
  EXPECT_TRUE(absl::StrContains(text(), "\"step\":2"));
}

TEST_F(MetricsLogTest, WhatIsLeftOutFromAStepOnIsNoLineOfThatStep) {
  {
    auto log = Open(-1);
    ASSERT_TRUE(log->Step(Record(1, 3.0)).ok());
    ASSERT_TRUE(log->LeftOut(2, 16, 23).ok());
    EXPECT_TRUE(absl::EndsWith(text(), "{\"step\":2,\"left_out\":[16,23]}\n"));
  }
  // Step 2 is finished but has no line yet: it gets one, before the other.
  const std::vector<StepRecord> finished = {Record(2, 2.0)};
  ASSERT_TRUE(MetricsLog::Open(scratch_.path(), 2, finished).ok());
  EXPECT_TRUE(absl::StrContains(text(), "\"step\":2,\"loss\":2"));
  EXPECT_TRUE(absl::EndsWith(text(), "\"left_out\":[16,23]}\n"));
}

TEST_F(MetricsLogTest, FreshRunDoesNotTouchAnOlderHistory) {
  WriteThreeSteps();
  const std::string before = text();
  const auto log = MetricsLog::Open(scratch_.path(), -1);
  ASSERT_FALSE(log.ok());
  EXPECT_NE(log.status().message().find("metrics.jsonl"),
            absl::string_view::npos);
  EXPECT_EQ(text(), before);
}

TEST_F(MetricsLogTest, ResumeWithoutAHistoryBeginsOne) {
  ASSERT_TRUE(Open(10)->Evaluation({11, 1, {}}).ok());
  EXPECT_EQ(text(), "{\"step\":11,\"val_loss\":1}\n");
}

TEST_F(MetricsLogTest, EveryOpenMakesAnEventFileOfItsOwn) {
  Open(-1);
  Open(0);
  const auto names = ListDirectory(scratch_.path() + "/tensorboard");
  ASSERT_TRUE(names.ok());
  ASSERT_EQ(names->size(), 2u);
  for (const std::string& name : *names) {
    EXPECT_EQ(name.find("events.out.tfevents."), 0u) << name;
  }
}

}  // namespace
}  // namespace perdure
