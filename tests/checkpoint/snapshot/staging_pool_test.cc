#include "checkpoint/snapshot/staging_pool.h"

#include <cstring>
#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

constexpr uint64_t kPage = 4096;

char* Acquire(StagingPool& pool, uint64_t pages) {
  return pool.Acquire(pages * kPage, absl::Now() + absl::Seconds(60));
}

TEST(StagingPoolTest, PiecesArePageAlignedAndDoNotOverlap) {
  auto pool = StagingPool::Create(8 * kPage).value();
  char* a = Acquire(*pool, 3);
  char* b = pool->Acquire(100, absl::Now());
  char* c = pool->Acquire(2 * kPage + 1, absl::Now());
  for (char* piece : {a, b, c}) {
    EXPECT_EQ(reinterpret_cast<uint64_t>(piece) % kPage, 0u);
  }
  EXPECT_EQ(b - a, static_cast<ptrdiff_t>(3 * kPage));
  EXPECT_EQ(c - b, static_cast<ptrdiff_t>(kPage));
  std::memset(c, 1, 3 * kPage);
}

TEST(StagingPoolTest, WhatIsGivenBackInAnyOrderIsUsedAgain) {
  auto pool = StagingPool::Create(4 * kPage).value();
  char* a = Acquire(*pool, 2);
  char* b = Acquire(*pool, 2);
  pool->Release(b);
  EXPECT_EQ(pool->Acquire(kPage, absl::Now()), nullptr);  // a is in the way
  pool->Release(a + 17);  // any address in its first page
  EXPECT_NE(Acquire(*pool, 4), nullptr);
}

TEST(StagingPoolTest, APieceDoesNotWrap) {
  auto pool = StagingPool::Create(4 * kPage).value();
  char* a = Acquire(*pool, 3);
  pool->Release(a);
  char* b = Acquire(*pool, 1);
  char* c = Acquire(*pool, 2);
  EXPECT_EQ(b, a);
  pool->Release(b);
  char* d = Acquire(*pool, 1);
  EXPECT_EQ(d - a, static_cast<ptrdiff_t>(3 * kPage));
  pool->Release(c);
  EXPECT_EQ(Acquire(*pool, 3), a);
}

TEST(StagingPoolTest, AcquireWaitsForRoomAndSaysHowLong) {
  auto pool = StagingPool::Create(2 * kPage).value();
  char* a = Acquire(*pool, 2);
  std::thread other([&] {
    absl::SleepFor(absl::Milliseconds(30));
    pool->Release(a);
  });
  EXPECT_NE(Acquire(*pool, 1), nullptr);
  other.join();
  EXPECT_GT(pool->TakeSecondsWaited(), 0.0);
  EXPECT_EQ(pool->TakeSecondsWaited(), 0.0);
}

}  // namespace
}  // namespace perdure
