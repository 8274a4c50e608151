#include "launcher/train/skips.h"

#include "gtest/gtest.h"

namespace perdure {
namespace {

ResilienceConfig Config(int64_t first, int64_t last) {
  ResilienceConfig config;
  config.add_skip()->set_first(first);
  config.mutable_skip(0)->set_last(last);
  return config;
}

TEST(SkipsTest, BatchesThatHaveNoneOfItStayWhereTheyAre) {
  const Skips skips(Config(16, 23));
  EXPECT_EQ(skips.NextBatch(0, 8), 0);
  EXPECT_EQ(skips.NextBatch(8, 8), 8);
  EXPECT_EQ(skips.NextBatch(24, 8), 24);
}

TEST(SkipsTest, ABatchThatHasOneOfThemBeginsBehindAllOfThem) {
  const Skips skips(Config(16, 23));
  EXPECT_EQ(skips.NextBatch(16, 8), 24);
  EXPECT_EQ(skips.NextBatch(9, 8), 24);
  EXPECT_EQ(skips.NextBatch(23, 8), 24);
}

TEST(SkipsTest, RangesMayFollowOneAnother) {
  Skips skips(Config(16, 23));
  JournalRollback rollback;
  rollback.set_step(3);
  rollback.set_begin(24);
  rollback.set_end(40);
  skips.Add(rollback);
  EXPECT_EQ(skips.NextBatch(16, 8), 40);
  EXPECT_EQ(skips.NextBatch(12, 4), 12);
  EXPECT_EQ(skips.rollbacks().size(), 1);
}

}  // namespace
}  // namespace perdure
