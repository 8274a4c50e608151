#include "launcher/history/history_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace perdure {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What the page's script reads.
nlohmann::json DataOf(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const size_t begin = page.find(open) + open.size();
  const size_t end = page.find("</script>", begin);
  return nlohmann::json::parse(page.substr(begin, end - begin));
}

std::vector<Event> EventsWith(const std::string& what) {
  return {
      {100, "launch", {}},
      {100, "generation", {{"generation", 1}}},
      {110,
       "incident",
       {{"number", 1},
        {"step", 3},
        {"fault", "hang"},
        {"what", what},
        {"detect_seconds", 2}}},
      {111, "generation", {{"generation", 2}}},
      {118, "recovered", {{"seconds", 10}, {"steps_lost", 1}}},
      {200, "end", {{"steps", 4}}},
  };
}

TEST(HistoryPageTest, IncidentsCarryWhatTheyCost) {
  const auto data = DataOf(HistoryPage("runs/a", EventsWith("rank 1"), {}));
  ASSERT_EQ(data["incidents"].size(), 1u);
  EXPECT_EQ(data["incidents"][0]["recovered"], 10);
  EXPECT_EQ(data["incidents"][0]["lost"], 1);
  EXPECT_EQ(data["generations"].size(), 2u);
  EXPECT_EQ(data["name"], "runs/a");
  EXPECT_THAT(data["facts"].dump(), HasSubstr("90.00 %"));
}

TEST(HistoryPageTest, ARecoveryIsNotFromAStraggler) {
  std::vector<Event> events = EventsWith("rank 1");
  events.insert(
      events.begin() + 4,
      Event{115, "incident", {{"number", 2}, {"fault", "straggler"}}});
  const auto data = DataOf(HistoryPage("runs/a", events, {}));
  ASSERT_EQ(data["incidents"].size(), 2u);
  EXPECT_EQ(data["incidents"][0]["recovered"], 10);
  EXPECT_TRUE(data["incidents"][1]["recovered"].is_null());
}

TEST(HistoryPageTest, TextOfLogsStaysText) {
  const std::string nasty =
      "</script><script>alert(1)</script> {{DATA}} \xff \" \\";
  const std::string page = HistoryPage(nasty, EventsWith(nasty), {});
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(std::string(DataOf(page)["incidents"][0]["what"]),
              HasSubstr("</script><script>alert(1)</script>"));
}

TEST(HistoryPageTest, NothingIsLoadedFromElsewhere) {
  const std::string page(HistoryPageTemplate());
  for (const char* word : {"src=", "href=", "@import", "url(", "fetch("}) {
    EXPECT_THAT(page, Not(HasSubstr(word)));
  }
}

TEST(HistoryPageTest, LongRunsAreThinnedWithinTheirGenerations) {
  std::vector<TimedStep> steps;
  for (int i = 1; i <= 100000; ++i) {
    steps.push_back(
        {{i, 2.0, 128, 0.001}, i <= 50001 ? 1 : 2, 100 + 0.001 * i});
  }
  const auto data = DataOf(HistoryPage("a", EventsWith("x"), steps));
  EXPECT_LE(data["steps"].size(), 2100u);
  EXPECT_GE(data["steps"].size(), 1500u);
  EXPECT_EQ(data["steps"].back()["step"], 100000);
  EXPECT_NEAR(data["steps"][5]["rate"].get<double>(), 128000, 1);
}

TEST(HistoryPageTest, RunsWithoutAnythingHaveAPage) {
  EXPECT_TRUE(DataOf(HistoryPage("a", {}, {}))["steps"].empty());
}

}  // namespace
}  // namespace perdure
