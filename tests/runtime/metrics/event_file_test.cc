#include "runtime/metrics/event_file.h"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/metrics/crc32c.h"
#include "runtime/metrics/tensorboard_event.pb.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

template <typename T>
T Load(const std::string& bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

// A strict reader of TFRecord framing: every checksum must hold and nothing may
// be left over.
std::vector<std::string> ReadRecords(const std::string& path) {
  const std::string bytes = ReadFile(path).value();
  std::vector<std::string> records;
  size_t at = 0;
  while (at + 12 <= bytes.size()) {
    const uint64_t length = Load<uint64_t>(bytes, at);
    EXPECT_EQ(Load<uint32_t>(bytes, at + 8), MaskedCrc32c(bytes.substr(at, 8)));
    EXPECT_LE(at + 16 + length, bytes.size());
    records.push_back(bytes.substr(at + 12, length));
    EXPECT_EQ(Load<uint32_t>(bytes, at + 12 + length),
              MaskedCrc32c(records.back()));
    at += 16 + length;
  }
  EXPECT_EQ(at, bytes.size());
  return records;
}

tensorboard::Event Parse(const std::string& record) {
  tensorboard::Event event;
  EXPECT_TRUE(event.ParseFromString(record));
  return event;
}

TEST(EventFileTest, ScalarsReadBack) {
  const ScratchDirectory scratch;
  auto file = EventFile::Create(scratch.path() + "/tensorboard", 0);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->Write(7, {{"train/loss", 2.5}, {"train/lr", 1e-3}}).ok());

  const std::vector<std::string> records = ReadRecords(file->path());
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(Parse(records[0]).file_version(), "brain.Event:2");
  const tensorboard::Event event = Parse(records[2]);
  EXPECT_EQ(event.step(), 7);
  EXPECT_GT(event.wall_time(), 1.6e9);
  ASSERT_EQ(event.summary().value_size(), 2);
  EXPECT_EQ(event.summary().value(0).tag(), "train/loss");
  EXPECT_EQ(event.summary().value(0).simple_value(), 2.5f);
  EXPECT_EQ(event.summary().value(1).tag(), "train/lr");
  EXPECT_EQ(event.summary().value(1).simple_value(), 1e-3f);
}

// The wire format itself, not our own .proto twice: field 1 double, field 2
// varint, field 5 message { field 1 message { field 1 string, field 2 float }}.
TEST(EventFileTest, WireFormatIsThatOfTensorFlow) {
  const ScratchDirectory scratch;
  auto file = EventFile::Create(scratch.path(), 0);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->Write(300, {{"a", 1.0}}).ok());
  const std::string record = ReadRecords(file->path()).at(2);
  ASSERT_GE(record.size(), 12u);
  EXPECT_EQ(record[0], '\x09');
  EXPECT_EQ(record.substr(9),
            std::string("\x10\xac\x02"  // step 300
                        "\x2a\x0a"      // summary, 10 bytes
                        "\x0a\x08"      // value, 8 bytes
                        "\x0a\x01"      // tag, 1 byte
                        "a"
                        "\x15\x00\x00\x80\x3f",  // simple_value 1.0f
                        15));
  // The first record of TensorFlow's own files, after its time stamp.
  EXPECT_EQ(ReadRecords(file->path()).at(0).substr(9),
            std::string("\x1a\x0d") + "brain.Event:2");
}

TEST(EventFileTest, ResumedFileVoidsLaterStepsAndSortsBehind) {
  const ScratchDirectory scratch;
  auto first = EventFile::Create(scratch.path(), 0);
  auto second = EventFile::Create(scratch.path(), 51);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_LT(first->path(), second->path());
  const tensorboard::Event start = Parse(ReadRecords(second->path()).at(1));
  EXPECT_EQ(start.step(), 51);
  EXPECT_EQ(start.session_log().status(), tensorboard::SessionLog::START);
}

TEST(EventFileTest, NotANumberIsWrittenAsSuch) {
  const ScratchDirectory scratch;
  auto file = EventFile::Create(scratch.path(), 0);
  ASSERT_TRUE(file.ok()) << file.status();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ASSERT_TRUE(file->Write(1, {{"train/loss", nan}}).ok());
  const float value =
      Parse(ReadRecords(file->path()).at(2)).summary().value(0).simple_value();
  EXPECT_NE(value, value);
}

TEST(EventFileTest, UnwritableDirectoryIsAnErrorThatNamesIt) {
  const auto file = EventFile::Create("/proc/no_such_place/tensorboard", 0);
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.status().message().find("/proc/no_such_place"),
            absl::string_view::npos);
}

}  // namespace
}  // namespace perdure
