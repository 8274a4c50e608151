#include "runtime/metrics/trace.h"

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using nlohmann::json;

std::vector<json> Spans(const json& trace) {
  std::vector<json> spans;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] == "X") spans.push_back(event);
  }
  return spans;
}

TEST(TraceTest, TwoRanksBecomeOneFile) {
  const ScratchDirectory scratch;
  Trace first, second;
  first.Enable(true);
  second.Enable(true);
  first.Add(Trace::Lane::kCompute, "forward", 1000, 1500, 3);
  second.Add(Trace::Lane::kCommunication, "all-reduce", 1600, 1700, -1);
  const std::string path = scratch.path() + "/trace.json";
  ASSERT_TRUE(WriteTrace(path, {first.ToJson(0, "rank 0 \"stage 0\""),
                                second.ToJson(1, "rank 1")})
                  .ok());

  const json trace = json::parse(ReadFile(path).value());
  const std::vector<json> spans = Spans(trace);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0]["name"], "forward");
  EXPECT_EQ(spans[0]["pid"], 0);
  EXPECT_EQ(spans[0]["tid"], 0);
  EXPECT_EQ(spans[0]["ts"], 1000);
  EXPECT_EQ(spans[0]["dur"], 500);
  EXPECT_EQ(spans[0]["args"]["micro_batch"], 3);
  EXPECT_EQ(spans[1]["pid"], 1);
  EXPECT_EQ(spans[1]["tid"], 1);
  EXPECT_FALSE(spans[1].contains("args"));
  EXPECT_EQ(trace["traceEvents"][0]["args"]["name"], "rank 0 \"stage 0\"");
}

TEST(TraceTest, RankWithoutEventsLeavesTheFileWhole) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/trace.json";
  ASSERT_TRUE(WriteTrace(path, {Trace().ToJson(0, "rank 0")}).ok());
  EXPECT_TRUE(Spans(json::parse(ReadFile(path).value())).empty());
}

TEST(TraceTest, ScopeCountsOnlyWhileEnabled) {
  Trace trace;
  { TraceScope off(&trace, Trace::Lane::kCompute, "off"); }
  { TraceScope null(nullptr, Trace::Lane::kCompute, "null"); }
  trace.Enable(true);
  const int64_t before = Trace::Now();
  { TraceScope on(&trace, Trace::Lane::kCompute, "on", 2); }
  const int64_t after = Trace::Now();
  const json trace_json =
      json::parse("{\"traceEvents\":[" + trace.ToJson(0, "r") + "]}");
  const std::vector<json> spans = Spans(trace_json);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0]["name"], "on");
  EXPECT_GE(spans[0]["ts"].get<int64_t>(), before);
  EXPECT_LE(spans[0]["ts"].get<int64_t>() + spans[0]["dur"].get<int64_t>(),
            after);
}

}  // namespace
}  // namespace perdure
