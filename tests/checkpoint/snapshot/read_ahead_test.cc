#include "checkpoint/snapshot/read_ahead.h"

#include <atomic>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

TEST(ReadAheadTest, EveryRoundIsDoneOnceAndItsResultKept) {
  std::mutex mutex;
  std::multiset<size_t> done;
  ReadAhead reads(3, 100, 100, [&](size_t round) {
    const std::lock_guard lock(mutex);
    done.insert(round);
    return round == 41 ? absl::DataLossError("41") : absl::OkStatus();
  });
  for (size_t round = 0; round < 100; ++round) {
    EXPECT_EQ(reads.Wait(round).ok(), round != 41) << round;
  }
  EXPECT_EQ(done.size(), 100u);
  EXPECT_EQ(std::set<size_t>(done.begin(), done.end()).size(), 100u);
}

TEST(ReadAheadTest, NothingBeginsWithoutRoom) {
  constexpr size_t kRoom = 4;
  std::atomic<size_t> taken{0};
  std::atomic<bool> too_early{false};
  ReadAhead reads(8, 200, kRoom, [&](size_t round) {
    if (round >= taken + kRoom) too_early = true;
    return absl::OkStatus();
  });
  for (size_t round = 0; round < 200; ++round) {
    EXPECT_TRUE(reads.Wait(round).ok());
    taken = round + 1;
    reads.Allow(round + 1 + kRoom);
  }
  EXPECT_FALSE(too_early);
}

TEST(ReadAheadTest, OneThatIsNotTakenToTheEndBeginsNothingMore) {
  std::atomic<int> begun{0};
  {
    ReadAhead reads(2, 1000, 2, [&](size_t) {
      ++begun;
      return absl::OkStatus();
    });
    EXPECT_TRUE(reads.Wait(1).ok());
  }
  EXPECT_EQ(begun, 2);
  const ReadAhead nothing(2, 0, 2, [](size_t) { return absl::OkStatus(); });
}

}  // namespace
}  // namespace perdure
