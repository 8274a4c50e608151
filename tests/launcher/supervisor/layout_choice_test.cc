#include "launcher/supervisor/layout_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void Add(int pp, int dp, int tp, double seconds, const char* problem,
         LayoutTable* table) {
  Layout* layout = table->add_layout();
  layout->set_pp(pp);
  layout->set_dp(dp);
  layout->set_pertp(1);
  layout->set_tp(tp);
  layout->set_rank_bytes(1 << 20);
  layout->set_compute_seconds(seconds);
  if (*problem != '\0') layout->set_problem(problem);
}

LayoutTable Table() {
  LayoutTable table;
  table.set_ranks(4);
  table.set_ranks_per_node(2);
  Add(4, 1, 1, 0.001, "4 ranks of 9 GiB exceed the 8 GiB of a node", &table);
  Add(1, 4, 1, 0.012, "", &table);
  Add(2, 2, 1, 0.030, "", &table);
  Add(1, 2, 2, 0.010, "", &table);
  return table;
}

TEST(LayoutChoiceTest, TheFastestThatIsPossible) {
  EXPECT_EQ(DegreesText(*ChooseLayout(Table(), {})),
            "pp 1 x dp 2 x pertp 1 x tp 2");
}

TEST(LayoutChoiceTest, TpStaysWhereTheRuleSaysSo) {
  EXPECT_EQ(DegreesText(*ChooseLayout(Table(), {1})),
            "pp 1 x dp 4 x pertp 1 x tp 1");
  EXPECT_EQ(ChooseLayout(Table(), {3}), std::nullopt);
}

TEST(LayoutChoiceTest, OfThoseAboutAsFastTheShorterPipelineThenLessTp) {
  LayoutTable table;
  Add(2, 2, 1, 0.0100, "", &table);
  Add(1, 2, 2, 0.0105, "", &table);
  Add(1, 4, 1, 0.0108, "", &table);
  EXPECT_EQ(DegreesText(*ChooseLayout(table, {})),
            "pp 1 x dp 4 x pertp 1 x tp 1");
  // More than a tenth slower.
  table.mutable_layout(2)->set_compute_seconds(0.012);
  EXPECT_EQ(DegreesText(*ChooseLayout(table, {})),
            "pp 1 x dp 2 x pertp 1 x tp 2");
}

TEST(LayoutChoiceTest, TheChoiceIsExplainedInOneLine) {
  const LayoutTable table = Table();
  const LayoutRule keep = {1};
  EXPECT_EQ(ExplainLayout(table, keep, *ChooseLayout(table, keep), false),
            "pp 1 x dp 4 x pertp 1 x tp 1, modelled 12 ms a step, 1.00 MiB a "
            "rank; next pp 2 x dp 2 x pertp 1 x tp 1, 30 ms; 2 of 4 layouts "
            "are possible with tp 1 (speeds assumed, not measured)");
}

TEST(LayoutChoiceTest, TableMarksTheChoiceAndNamesProblems) {
  const std::string text = LayoutTableText(Table(), {1});
  EXPECT_THAT(text, HasSubstr("> pp 1 x dp 4 x pertp 1 x tp 1"));
  EXPECT_THAT(text, HasSubstr("not possible: 4 ranks of 9 GiB"));
  EXPECT_THAT(text, HasSubstr("--allow_tp_change"));
}

TEST(LayoutChoiceTest, ArgumentsSetAllDegrees) {
  EXPECT_THAT(
      LayoutArguments(Table().layout(3)),
      ElementsAre("--set", "topology.pp=1", "--set", "topology.dp=2", "--set",
                  "topology.pertp=1", "--set", "topology.tp=2"));
}

}  // namespace
}  // namespace perdure
