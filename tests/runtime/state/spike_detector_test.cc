#include "runtime/state/spike_detector.h"

#include <cmath>

#include "gtest/gtest.h"

namespace perdure {
namespace {

TEST(SpikeDetectorTest, NothingIsASpikeBeforeTheWindowIsFull) {
  SpikeDetector detector(2, 3);
  detector.Add(1);
  detector.Add(1);
  EXPECT_FALSE(detector.IsSpike(100));
  EXPECT_EQ(detector.median(), 0);
  detector.Add(1);
  EXPECT_TRUE(detector.IsSpike(100));
  EXPECT_TRUE(detector.IsSpike(2.001));
  EXPECT_FALSE(detector.IsSpike(2));
}

TEST(SpikeDetectorTest, LossesThatAreNotFiniteAreSpikes) {
  SpikeDetector detector(2, 3);
  for (int i = 0; i < 3; ++i) detector.Add(1);
  EXPECT_TRUE(detector.IsSpike(std::nan("")));
  EXPECT_TRUE(detector.IsSpike(INFINITY));
  detector.Add(std::nan(""));
  EXPECT_EQ(detector.median(), 1);
  detector.Add(INFINITY);
  EXPECT_EQ(detector.in_a_row(), 2);
}

TEST(SpikeDetectorTest, ALossThatIsNoneEndsTheRow) {
  SpikeDetector detector(1.5, 5);
  for (const double loss : {4.0, 3.0, 3.2, 3.1, 2.9}) detector.Add(loss);
  detector.Add(5);
  EXPECT_EQ(detector.in_a_row(), 1);
  detector.Add(3);
  EXPECT_EQ(detector.in_a_row(), 0);
}

// What a resumed run knows: the last losses.
TEST(SpikeDetectorTest, TheLastLossesTellAllThatThereIsToKnow) {
  SpikeDetector whole(1.5, 4), resumed(1.5, 4);
  const double losses[] = {9, 8, 7, 6, 5, 5, 5, 5, 12, 11};
  for (const double loss : losses) whole.Add(loss);
  // The window and two spikes in a row.
  for (int i = 4; i < 10; ++i) resumed.Add(losses[i]);
  EXPECT_EQ(resumed.in_a_row(), whole.in_a_row());
  EXPECT_EQ(whole.in_a_row(), 2);
  EXPECT_EQ(resumed.median(), whole.median());
}

TEST(SpikeDetectorTest, WithoutAFactorThereAreNone) {
  SpikeDetector detector;
  for (int i = 0; i < 10; ++i) detector.Add(1);
  EXPECT_FALSE(detector.IsSpike(1e9));
  detector.Add(1e9);
  EXPECT_EQ(detector.in_a_row(), 0);
}

}  // namespace
}  // namespace perdure
