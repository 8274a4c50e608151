// What is read of a log that is whole, torn, or damaged.

#include "checkpoint/journal/scan.h"

#include <numeric>

#include "absl/strings/str_cat.h"
#include "checkpoint/journal/frames.h"
#include "checkpoint/journal/names.h"
#include "checkpoint/journal/step_codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/checkpoint/journal/tiny_log.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Where the frames of a log end: the header's, then every record's.
std::vector<uint64_t> FrameEnds(absl::string_view bytes) {
  std::vector<uint64_t> ends;
  const auto header = ReadFrame(bytes, kJournalMagic.size(), 0);
  uint64_t at = header->end;
  ends.push_back(at);
  while (const auto frame = ReadFrame(bytes, at, header->checksum)) {
    ends.push_back(at = frame->end);
  }
  return ends;
}

TEST(JournalScanTest, AWholeLogGivesItsSteps) {
  const std::string log = TinyLog(3);
  const Scanned scanned = ScanSteps(log);
  ASSERT_TRUE(scanned.scan.ok()) << scanned.scan.status();
  EXPECT_THAT(scanned.steps, ElementsAre(1, 2, 3));
  EXPECT_EQ(scanned.scan->header.run_id(), "run");
  EXPECT_EQ(scanned.scan->end.bytes, log.size());
  EXPECT_EQ(scanned.scan->ignored_bytes, 0u);
  EXPECT_EQ(scanned.scan->damaged_records, 0);
}

// However much of the last write a crash let through, the records before it
// are there and nothing else.
TEST(JournalScanTest, ATornTailIsCutAtEveryByte) {
  const std::string log = TinyLog(4);
  const std::vector<uint64_t> ends = FrameEnds(log);
  ASSERT_EQ(ends.size(), 5u);
  for (size_t size = 0; size < log.size(); ++size) {
    const Scanned scanned = ScanSteps(log.substr(0, size));
    if (size < ends[0]) {
      EXPECT_TRUE(absl::IsDataLoss(scanned.scan.status())) << size;
      continue;
    }
    ASSERT_TRUE(scanned.scan.ok()) << size;
    size_t whole = 0;
    while (ends[whole + 1] <= size) ++whole;
    EXPECT_EQ(scanned.steps.size(), whole) << size;
    EXPECT_EQ(scanned.scan->end.bytes, ends[whole]) << size;
    EXPECT_EQ(scanned.scan->ignored_bytes, size - ends[whole]) << size;
  }
}

// A crash of the machine may leave zeros, or what was in the blocks before.
TEST(JournalScanTest, ATailOfZerosOrGarbageIsCut) {
  const std::string log = TinyLog(2);
  for (const std::string& tail :
       {std::string(100, '\0'), std::string(100, '\xff'), TinyLog(2),
        log.substr(FrameEnds(log)[0])}) {
    const Scanned scanned = ScanSteps(log + tail);
    ASSERT_TRUE(scanned.scan.ok());
    EXPECT_THAT(scanned.steps, ElementsAre(1, 2));
    EXPECT_EQ(scanned.scan->ignored_bytes, tail.size());
  }
}

// A flipped bit is never read as something else: the record that it is in is
// not there, all others are.
TEST(JournalScanTest, AFlippedBitAtEveryByteIsFound) {
  const std::string log = TinyLog(4);
  const std::vector<uint64_t> ends = FrameEnds(log);
  for (size_t at = 0; at < log.size(); ++at) {
    std::string bad = log;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    const Scanned scanned = ScanSteps(bad);
    if (at < ends[0]) {
      EXPECT_TRUE(absl::IsDataLoss(scanned.scan.status())) << at;
      continue;
    }
    size_t hit = 1;  // the step
    while (ends[hit] <= at) ++hit;
    std::vector<int64_t> expected(hit - 1);
    std::iota(expected.begin(), expected.end(), 1);
    for (int64_t s = static_cast<int64_t>(hit) + 1; s <= 4; ++s) {
      expected.push_back(s);
    }
    EXPECT_EQ(scanned.scan->damaged_records, hit < 4 ? 1 : 0) << at;
    EXPECT_EQ(scanned.steps, expected) << at;
  }
}

TEST(JournalScanTest, FramesOutOfOrderAreNotRead) {
  const std::string log = TinyLog(3);
  const std::vector<uint64_t> ends = FrameEnds(log);
  const std::string swapped = log.substr(0, ends[0]) +
                              log.substr(ends[1], ends[2] - ends[1]) +
                              log.substr(ends[0], ends[1] - ends[0]);
  EXPECT_TRUE(ScanSteps(swapped).steps.empty());
  const std::string without_second =
      log.substr(0, ends[1]) + log.substr(ends[2]);
  EXPECT_THAT(ScanSteps(without_second).steps, ElementsAre(1));
}

TEST(JournalScanTest, ANewerVersionAndVersionZeroAreRefusedByName) {
  for (const uint32_t version : {kJournalVersion + 1, 0u}) {
    JournalHeader header = TinyHeader();
    header.set_version(version);
    std::string bytes(kJournalMagic);
    AppendFrame(0, bytes.size(), header.SerializeAsString(), &bytes);
    const absl::Status status = ScanSteps(bytes).scan.status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("journal version ", version)));
  }
}

TEST(JournalScanTest, AHeaderThatMakesNoSenseIsNoGeneration) {
  for (const auto& spoil : std::vector<std::function<void(JournalHeader*)>>{
           [](JournalHeader* h) { h->set_generation(0); },
           [](JournalHeader* h) { h->set_parent_generation(1); },
           [](JournalHeader* h) { h->set_parent_generation(-1); },
           [](JournalHeader* h) { h->set_fork_step(-1); }}) {
    JournalHeader header = TinyHeader();
    spoil(&header);
    std::string bytes(kJournalMagic);
    AppendFrame(0, bytes.size(), header.SerializeAsString(), &bytes);
    EXPECT_TRUE(absl::IsDataLoss(ScanSteps(bytes).scan.status()));
  }
}

TEST(JournalStepTest, ComesBackToTheLastBit) {
  for (int directions : {1, 3}) {
    StepRecord step = ZerothOrderStep(7, directions);
    const StepRecord back =
        DecodeStep(EncodeStep(step), TinyHeader().constants());
    EXPECT_EQ(back.step, step.step);
    EXPECT_EQ(back.loss, step.loss);
    EXPECT_EQ(back.tokens, step.tokens);
    EXPECT_EQ(back.samples_end, step.samples_end);
    EXPECT_EQ(back.learning_rate, step.learning_rate);
    EXPECT_EQ(back.decay, step.decay);
    EXPECT_EQ(back.coefficients, step.coefficients);
    EXPECT_EQ(back.loss_plus, step.loss_plus);
    EXPECT_EQ(back.loss_minus, step.loss_minus);
    EXPECT_EQ(back.grad_squared, step.grad_squared);
    EXPECT_EQ(back.error_squared, step.error_squared);
    ASSERT_EQ(back.projected_grad.size(), static_cast<size_t>(directions));
    EXPECT_EQ(back.projected_grad[0],
              (step.loss_plus[0] - step.loss_minus[0]) / (2 * 1e-3));
    EXPECT_NEAR(back.signal_to_noise, std::sqrt(2), 1e-6);
  }
  StepRecord first_order;
  first_order.step = 3;
  first_order.loss = 1.5;
  first_order.grad_norm = 0.75;
  first_order.skipped = true;
  const StepRecord back = DecodeStep(EncodeStep(first_order), {});
  EXPECT_FALSE(back.zeroth_order());
  EXPECT_TRUE(back.skipped);
  EXPECT_EQ(back.grad_norm, 0.75);
}

// docs/journal.md says so: 64 bytes and 20 a direction.
TEST(JournalStepTest, TakesFewBytes) {
  for (int directions : {1, 4, 16, 128}) {
    StepRecord step = ZerothOrderStep(123456, directions);
    step.samples_end = 123456 * 16;
    JournalRecord record;
    *record.mutable_step() = EncodeStep(step);
    std::string frame;
    AppendFrame(0, 0, record.SerializeAsString(), &frame);
    EXPECT_LE(frame.size(), 80u + 20u * static_cast<size_t>(directions));
    EXPECT_GE(frame.size(), 60u + 20u * static_cast<size_t>(directions));
    RecordProperty("bytes_" + std::to_string(directions),
                   static_cast<int>(frame.size()));
  }
}

TEST(JournalNamesTest, OneNameAGeneration) {
  EXPECT_EQ(JournalName(7), "gen-7.log");
  EXPECT_EQ(ParseJournalName("gen-7.log"), 7);
  for (const char* name : {"gen-07.log", "gen-0.log", "gen--1.log", "gen-.log",
                           "gen-1.log~", "gen-1", "x-gen-1.log", "gen-1x.log",
                           "gen- 1.log", "gen-99999999999999999999.log"}) {
    EXPECT_EQ(ParseJournalName(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace perdure
