#include "launcher/supervisor/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "launcher/supervisor/finished_steps.h"
#include "launcher/supervisor/status_text.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;

class EventLogTest : public ::testing::Test {
 protected:
  EventLogTest() {
    std::string pattern = ::testing::TempDir() + "/events-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  void Append(const std::string& text) {
    File file = *File::Open(directory_ + "/events.jsonl", File::Mode::kAppend);
    ASSERT_TRUE(file.Write(text.data(), text.size()).ok());
  }
  std::string directory_;
};

TEST_F(EventLogTest, WhatIsAddedIsReadBack) {
  {
    EventLog log = *EventLog::Open(directory_);
    log.Add("generation", {{"generation", 1}, {"host", "a\"b"}});
  }
  EventLog log = *EventLog::Open(directory_);
  log.Add("recovered", {{"seconds", 0.75}});
  const auto events = ReadEvents(directory_);
  ASSERT_TRUE(events.ok()) << events.status();
  ASSERT_EQ(events->size(), 2);
  EXPECT_EQ((*events)[0].kind, "generation");
  EXPECT_EQ((*events)[0].Number("generation"), 1);
  EXPECT_EQ((*events)[0].Text("host"), "a\"b");
  EXPECT_EQ((*events)[1].Number("seconds"), 0.75);
  EXPECT_GT((*events)[0].unix_seconds, 1.7e9);
}

TEST_F(EventLogTest, TornLastLineIsLeftOut) {
  EventLog log = *EventLog::Open(directory_);
  log.Add("launch", {{"ranks", 4}});
  Append(R"({"unix": 1, "eve)");
  const auto events = ReadEvents(directory_);
  ASSERT_TRUE(events.ok()) << events.status();
  EXPECT_EQ(events->size(), 1);
}

TEST_F(EventLogTest, OtherTornLinesAreNamed) {
  Append("{\"unix\": 1, \"eve\n{}\n");
  const auto events = ReadEvents(directory_);
  EXPECT_TRUE(absl::IsDataLoss(events.status()));
  EXPECT_THAT(std::string(events.status().message()),
              HasSubstr("events.jsonl:1"));
}

TEST_F(EventLogTest, OutputThatIsNoTextIsKeptReadable) {
  EventLog log = *EventLog::Open(directory_);
  log.Add("incident", {{"text", "\xff\xfe oops"}});
  const auto events = ReadEvents(directory_);
  ASSERT_TRUE(events.ok()) << events.status();
  EXPECT_THAT((*events)[0].Text("text"), HasSubstr("oops"));
}

TEST_F(EventLogTest, FinishedStepsAreThoseOfTheMetrics) {
  EXPECT_EQ(FinishedSteps(directory_), 0);
  File file =
      *File::Open(directory_ + "/metrics.jsonl", File::Mode::kCreateNew);
  const auto append = [&](const std::string& text) {
    ASSERT_TRUE(file.Write(text.data(), text.size()).ok());
  };
  append("{\"step\":1,\"loss\":2.5}\n{\"step\":2,\"loss\":2.4}\n");
  EXPECT_EQ(FinishedSteps(directory_), 2);
  append("{\"step\":2,\"val_loss\":2.6}\n{\"step\":3,\"lo");
  EXPECT_EQ(FinishedSteps(directory_), 2);
  append("ss\":2.3}\n");
  EXPECT_EQ(FinishedSteps(directory_), 3);
}

TEST(HistoryTextTest, CountsWhatWasLost) {
  const auto event = [](double at, const char* kind,
                        std::vector<EventField> fields) {
    return Event{at, kind, std::move(fields)};
  };
  const std::string text = HistoryText(
      {event(1000, "launch", {{"ranks", 4}}),
       event(1000, "generation", {{"generation", 1}}),
       event(1050, "incident", {{"number", 1}, {"fault", "hang"}, {"step", 8}}),
       event(1052, "recovered", {{"step", 8}, {"seconds", 2.0}}),
       event(1060, "swap", {{"why", "swaps host b for spare c"}}),
       event(1100, "end", {{"exit_code", 0}, {"why", "done"}})});
  EXPECT_THAT(text, HasSubstr("incident 1: hang at step 8"));
  EXPECT_THAT(text, HasSubstr("  swaps host b for spare c\n"));
  EXPECT_THAT(text, HasSubstr("1 incidents, 2.0 s lost of 100.0 s"));
  EXPECT_THAT(text, HasSubstr("ratio 0.9800"));
}

}  // namespace
}  // namespace perdure
