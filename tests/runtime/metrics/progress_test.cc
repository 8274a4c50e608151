#include "runtime/metrics/progress.h"

#include <cstdlib>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

StepRecord Record(int64_t step, double seconds) {
  StepRecord record;
  record.step = step;
  record.loss = 3.41214;
  record.tokens = 1000;
  record.learning_rate = 5.9e-4;
  record.grad_norm = 0.81;
  record.seconds = seconds;
  return record;
}

// Collects what a Progress prints.
class ProgressTest : public testing::Test {
 protected:
  ProgressTest() : stream_(open_memstream(&buffer_, &size_)) {
    options_.total_steps = 200;
    options_.out = stream_;
  }
  ~ProgressTest() override {
    std::fclose(stream_);
    std::free(buffer_);
  }
  // What was printed since the last call.
  std::string Take() {
    std::fflush(stream_);
    const std::string taken(buffer_ + taken_, size_ - taken_);
    taken_ = size_;
    return taken;
  }
  ProgressOptions options_;

 private:
  char* buffer_ = nullptr;
  size_t size_ = 0;
  size_t taken_ = 0;
  std::FILE* stream_;
};

TEST_F(ProgressTest, LineHoldsWhatAUserLooksFor) {
  options_.flops_per_token = 1e6;
  options_.peak_flops = 1e10;
  Progress progress(options_);
  progress.Step(Record(1, 9.0), 0);
  Take();
  progress.Step(Record(2, 0.25), uint64_t{3} << 29);
  // 1000 tokens in 0.25 s = 4000/s; x 1e6 flops = 40 % of 1e10; 198 x 0.25 s.
  EXPECT_EQ(Take(),
            "step   2/200  loss 3.4121  |g| 0.81  lr 5.90e-04  250 ms  "
            "4.0k tok/s  MFU 40%  mem 1.50 GiB  eta 50 s\n");
}

TEST_F(ProgressTest, NoPeakNoMfu) {
  Progress progress(options_);
  progress.Step(Record(1, 1.0), 0);
  EXPECT_THAT(Take(), Not(HasSubstr("MFU")));
}

TEST_F(ProgressTest, SlowFirstStepDoesNotCount) {
  Progress progress(options_);
  progress.Step(Record(1, 100.0), 0);
  EXPECT_THAT(Take(), HasSubstr("10 tok/s"));
  progress.Step(Record(2, 1.0), 0);
  EXPECT_THAT(Take(), HasSubstr("1.0k tok/s"));
  progress.Step(Record(3, 3.0), 0);
  EXPECT_THAT(Take(), HasSubstr("500 tok/s"));
}

TEST_F(ProgressTest, EveryTenthLineWithTheFirstTheLastAndTheBad) {
  options_.total_steps = 23;
  options_.log_every = 10;
  Progress progress(options_);
  std::string seen;
  for (int step = 1; step <= 23; ++step) {
    StepRecord record = Record(step, 1.0);
    record.skipped = step == 14;
    progress.Step(record, 0);
    if (!Take().empty()) seen += std::to_string(step) + " ";
  }
  EXPECT_EQ(seen, "1 10 14 20 23 ");
}

TEST_F(ProgressTest, BadStepIsSaid) {
  Progress progress(options_);
  StepRecord record = Record(1, 1.0);
  record.skipped = true;
  progress.Step(record, 0);
  EXPECT_THAT(Take(), HasSubstr("SKIPPED"));
}

TEST_F(ProgressTest, NoControlCharactersWithoutATerminal) {
  Progress progress(options_);
  for (int step = 1; step <= 3; ++step) progress.Step(Record(step, 1.0), 0);
  const std::string text = Take();
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find('\033'), std::string::npos);
}

TEST_F(ProgressTest, BarMakesWayForANote) {
  options_.terminal = true;
  Progress progress(options_);
  progress.Step(Record(50, 1.0), 0);
  EXPECT_THAT(Take(), HasSubstr("]  25%  50/200  eta "));
  progress.Note("saved");
  EXPECT_EQ(Take(), "\r\033[Ksaved\n");
  progress.Note("again");
  EXPECT_EQ(Take(), "again\n");
}

TEST_F(ProgressTest, NoBarIsLeftAtTheEnd) {
  options_.terminal = true;
  auto progress = std::make_unique<Progress>(options_);
  progress->Step(Record(199, 1.0), 0);
  Take();
  progress.reset();
  EXPECT_EQ(Take(), "\r\033[K");
}

TEST_F(ProgressTest, ResumedRunPrintsItsFirstStep) {
  options_.first_step = 103;
  options_.log_every = 50;
  Progress progress(options_);
  progress.Step(Record(104, 1.0), 0);
  EXPECT_THAT(Take(), HasSubstr("step 104/200"));
  progress.Step(Record(105, 1.0), 0);
  EXPECT_EQ(Take(), "");
}

TEST_F(ProgressTest, LastStepHasNoEta) {
  Progress progress(options_);
  progress.Step(Record(200, 1.0), 4096);
  EXPECT_THAT(Take(), EndsWith("mem 4.00 KiB\n"));
}

}  // namespace
}  // namespace perdure
