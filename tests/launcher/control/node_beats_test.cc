#include "launcher/control/node_beats.h"

#include <gtest/gtest.h>

#include <set>

#include "launcher/control/datagram.h"

namespace perdure {
namespace {

Heartbeat BeatOf(int rank, uint64_t number) {
  Heartbeat beat;
  beat.set_generation(2);
  beat.set_rank(rank);
  beat.set_number(number);
  beat.set_host("a-node-with-quite-a-long-name");
  beat.set_group("dp[0]");
  beat.set_operation("AllReduce");
  beat.set_loss(2.5);
  return beat;
}

TEST(NodeBeatsTest, DatagramsAreFullAndNoRankIsLeftOut) {
  NodeBeats beats;
  constexpr int kRanks = 64;
  for (int rank = 1; rank < kRanks; ++rank) beats.Take(BeatOf(rank, 7), {});
  std::set<int> ranks;
  int datagrams = 0;
  for (uint64_t number = 1; beats.waiting(); ++number) {
    Heartbeat own = BeatOf(0, number);
    beats.Load(&own);
    EXPECT_LE(Seal(*JobKey::Random(), own.SerializeAsString()).size(),
              kLargestDatagram);
    for (const Heartbeat& other : own.of_node()) {
      EXPECT_FALSE(other.has_host());
      EXPECT_TRUE(ranks.insert(other.rank()).second);
    }
    ++datagrams;
  }
  EXPECT_EQ(ranks.size(), kRanks - 1u);
  EXPECT_LT(datagrams, 6);
}

TEST(NodeBeatsTest, NewestBeatOfARankCounts) {
  NodeBeats beats;
  beats.Take(BeatOf(1, 7), {});
  beats.Take(BeatOf(1, 8), {});
  Heartbeat own = BeatOf(0, 1);
  beats.Load(&own);
  ASSERT_EQ(own.of_node_size(), 1);
  EXPECT_EQ(own.of_node(0).number(), 8);
}

TEST(NodeBeatsTest, AnswersGoToThoseWhoTravelledOnce) {
  NodeBeats beats;
  beats.Take(BeatOf(1, 70), {});
  Heartbeat first = BeatOf(0, 1);
  beats.Load(&first);
  beats.Take(BeatOf(1, 71), {});
  beats.Take(BeatOf(2, 5), {});
  Heartbeat second = BeatOf(0, 2);
  beats.Load(&second);
  HeartbeatReply reply;
  reply.set_generation(2);
  reply.set_number(2);
  const auto answers = beats.Answers(reply);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].reply.number(), 71);
  EXPECT_EQ(answers[1].reply.number(), 5);
  EXPECT_EQ(answers[1].reply.generation(), 2);
  EXPECT_TRUE(beats.Answers(reply).empty());
}

TEST(NodeBeatsTest, UnansweredTripsAreForgotten) {
  NodeBeats beats;
  for (uint64_t number = 1; number <= 1000; ++number) {
    beats.Take(BeatOf(1, number), {});
    Heartbeat own = BeatOf(0, number);
    beats.Load(&own);
  }
  HeartbeatReply reply;
  reply.set_number(1);
  EXPECT_TRUE(beats.Answers(reply).empty());
  reply.set_number(1000);
  EXPECT_EQ(beats.Answers(reply).size(), 1u);
}

}  // namespace
}  // namespace perdure
