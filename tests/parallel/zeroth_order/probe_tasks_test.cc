#include "parallel/zeroth_order/probe_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Probe> TwoDirections() {
  ZerothOrderConfig config;
  config.set_directions(2);
  return ProbesOf(config);  // 0+ 0- 1+ 1-
}

TEST(ProbeTasksTest, BothSignsOfADirectionStayTogether) {
  EXPECT_THAT(
      CutPart(TwoDirections(), {{0, 4}, {0, 5}}, 2),
      ElementsAre(ProbePart{{0, 2}, {0, 3}}, ProbePart{{0, 2}, {3, 5}},
                  ProbePart{{2, 4}, {0, 3}}, ProbePart{{2, 4}, {3, 5}}));
}

TEST(ProbeTasksTest, APertpRanksPartMayBeginInTheMiddleOfADirection) {
  EXPECT_THAT(
      CutPart(TwoDirections(), {{1, 3}, {4, 5}}, 4),
      ElementsAre(ProbePart{{1, 2}, {4, 5}}, ProbePart{{2, 3}, {4, 5}}));
}

TEST(ProbeTasksTest, NothingToComputeIsNoTask) {
  EXPECT_THAT(CutPart(TwoDirections(), {{0, 4}, {2, 2}}, 4), IsEmpty());
  EXPECT_THAT(CutPart(TwoDirections(), {{3, 3}, {0, 2}}, 4), IsEmpty());
}

}  // namespace
}  // namespace perdure
