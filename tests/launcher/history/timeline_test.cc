#include "launcher/history/timeline.h"

#include <gtest/gtest.h>

namespace perdure {
namespace {

Event At(double time, const std::string& kind,
         const std::vector<EventField>& fields) {
  return {time, kind, fields};
}

// Two generations: steps 1 to 3 until an incident at 110 that was seen after
// two seconds, then 4 and 5 until the end at 130.
const std::vector<Event>& TwoGenerations() {
  static const auto& events = *new std::vector<Event>{
      At(100, "launch", {}),
      At(100, "generation", {{"generation", 1}}),
      At(110, "incident", {{"number", 1}, {"step", 4}, {"detect_seconds", 2}}),
      At(111, "generation", {{"generation", 2}}),
      At(120, "recovered", {{"generation", 2}, {"step", 4}}),
      At(130, "end", {{"steps", 5}}),
  };
  return events;
}

TEST(TimelineTest, LinesThatAreNoStepsAreLeftOut) {
  const auto steps = ReadSteps(
      "{\"step\":1,\"loss\":4.5,\"tokens\":128,\"seconds\":0.5}\n"
      "{\"step\":1,\"val_loss\":4.4}\n"
      "{\"step\":2,\"loss\":null,\"tokens\":128,\"seconds\":0.25}\n"
      "{\"step\":2,\"loss\":3}\nnonsense\n{\"step\":3,\"los");
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].loss, 4.5);
  EXPECT_EQ(steps[0].tokens, 128);
  EXPECT_EQ(steps[1].loss, std::nullopt);
  EXPECT_EQ(steps[1].seconds, 0.25);
}

TEST(TimelineTest, GenerationsEndWhenTheFaultWasNotWhenItWasSeen) {
  const auto spans = GenerationsOf(TwoGenerations(), 5);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].to, 108);
  EXPECT_EQ(spans[0].last, 3);
  EXPECT_EQ(spans[1].before, 3);
  EXPECT_EQ(spans[1].to, 130);
  EXPECT_EQ(spans[1].last, 5);
}

TEST(TimelineTest, AStragglerEndsNoGeneration) {
  std::vector<Event> events = TwoGenerations();
  events.insert(events.end() - 1,
                At(125, "incident",
                   {{"number", 2}, {"step", 5}, {"fault", "straggler"}}));
  const auto spans = GenerationsOf(events, 5);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[1].to, 130);
  EXPECT_EQ(spans[1].last, 5);
}

TEST(TimelineTest, StepsStandBetweenTheFirstOneAndTheEndOrBeforeTheEnd) {
  const std::vector<MadeStep> steps = {
      {1, 4, 8, 1}, {2, 4, 8, 1}, {3, 4, 8, 2}, {4, 4, 8, 1}, {5, 4, 8, 3}};
  const auto placed = PlaceSteps(GenerationsOf(TwoGenerations(), 5), steps);
  ASSERT_EQ(placed.size(), 5u);
  EXPECT_EQ(placed[0].unix_seconds, 105);
  EXPECT_EQ(placed[2].unix_seconds, 108);
  EXPECT_EQ(placed[3].unix_seconds, 120);
  EXPECT_EQ(placed[4].unix_seconds, 130);
  EXPECT_EQ(placed[2].generation, 1);
  EXPECT_EQ(placed[3].generation, 2);
}

TEST(TimelineTest, StepsNeverStickOutOfTheirGeneration) {
  const std::vector<MadeStep> steps = {
      {1, 4, 8, 10}, {2, 4, 8, 20}, {3, 4, 8, 10}};
  const auto placed = PlaceSteps(GenerationsOf(TwoGenerations(), 3), steps);
  ASSERT_EQ(placed.size(), 3u);
  EXPECT_EQ(placed[0].unix_seconds, 102);
  EXPECT_EQ(placed[1].unix_seconds, 106);
  EXPECT_EQ(placed[2].unix_seconds, 108);
}

TEST(TimelineTest, RunThatIsStillGoingOnEndsAtItsLastEvent) {
  std::vector<Event> events = TwoGenerations();
  events.pop_back();
  const auto spans = GenerationsOf(events, 9);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[1].to, 120);
  EXPECT_EQ(spans[1].last, 9);
  EXPECT_TRUE(GenerationsOf({}, 0).empty());
}

}  // namespace
}  // namespace perdure
