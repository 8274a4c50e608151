// Ranks of one node, each with its watchdog, and a supervisor reduced to its
// socket.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "launcher/control/watchdog.h"

namespace perdure {
namespace {

class OnePerNodeTest : public ::testing::Test {
 protected:
  static constexpr int kRanks = 4;

  void Start(int rank, double lease = 20) {
    const LaunchEnvironment environment{
        "127.0.0.1:" + std::to_string(server_.port()),
        key_,
        1,
        0.01,
        lease,
        true};
    auto started = Watchdog::Start(environment, rank, &board_);
    ASSERT_TRUE(started.ok()) << started.status();
    watchdogs_[rank] = std::move(*started);
  }

  // Hears and answers until `enough`, at most ten seconds.
  template <typename Condition>
  bool Serve(const Condition& enough, bool answering = true) {
    const auto end = ProgressClock::now() + std::chrono::seconds(10);
    while (!enough()) {
      if (ProgressClock::now() > end) return false;
      server_.Wait(0.05);
      while (const auto received = server_.Receive()) {
        const auto payload = Unseal(key_, received->datagram);
        Heartbeat beat;
        if (!payload.has_value() ||
            !beat.ParseFromArray(payload->data(),
                                 static_cast<int>(payload->size()))) {
          return false;
        }
        senders_.insert(beat.rank());
        last_[beat.rank()] = beat.number();
        for (const Heartbeat& other : beat.of_node()) {
          passengers_.insert(other.rank());
          last_[other.rank()] = other.number();
        }
        if (!answering) continue;
        HeartbeatReply reply;
        reply.set_generation(1);
        reply.set_number(beat.number());
        server_.SendTo(Seal(key_, reply.SerializeAsString(), Towards::kRank),
                       received->from);
      }
    }
    return true;
  }
  void Forget() {
    senders_.clear();
    passengers_.clear();
  }

  JobKey key_ = *JobKey::Random();
  UdpSocket server_ = *UdpSocket::Bind("127.0.0.1");
  ProgressBoard board_;
  std::map<int, std::unique_ptr<Watchdog>> watchdogs_;
  std::set<int> senders_, passengers_;
  std::map<int, uint64_t> last_;  // number heard, by rank
};

TEST_F(OnePerNodeTest, FirstRankSpeaksForAll) {
  for (int rank = 0; rank < kRanks; ++rank) Start(rank);
  EXPECT_TRUE(Serve([&] { return passengers_.size() == kRanks - 1u; }));
  EXPECT_EQ(passengers_.count(0), 0u);
  EXPECT_EQ(senders_.count(0), 1u);
}

TEST_F(OnePerNodeTest, AnotherRankSpeaksWhenTheSpeakerDies) {
  for (int rank = 0; rank < kRanks; ++rank) Start(rank);
  ASSERT_TRUE(Serve([&] { return passengers_.size() == kRanks - 1u; }));
  watchdogs_.erase(0);
  ASSERT_TRUE(Serve([&] { return passengers_.size() >= 1; }));
  Forget();
  // The three that are left: one sends, two travel.
  EXPECT_TRUE(Serve(
      [&] { return passengers_.size() == kRanks - 2u && !senders_.empty(); }));
  EXPECT_EQ(senders_.count(0), 0u);
}

TEST_F(OnePerNodeTest, AnswersReachThoseWhoTravel) {
  // Shorter than the test: a rank without answers would end the process.
  for (int rank = 0; rank < kRanks; ++rank) Start(rank, /*lease=*/1);
  const auto until = ProgressClock::now() + std::chrono::seconds(2);
  EXPECT_TRUE(Serve([&] { return ProgressClock::now() > until; }));
}

TEST_F(OnePerNodeTest, RanksWhoseSpeakerIsNotAnsweredSpeakForThemselves) {
  for (int rank = 0; rank < kRanks; ++rank) Start(rank);
  EXPECT_TRUE(Serve([&] { return senders_.size() == kRanks; },
                    /*answering=*/false));
}

TEST_F(OnePerNodeTest, FarewellsGoStraight) {
  for (int rank = 0; rank < kRanks; ++rank) Start(rank);
  ASSERT_TRUE(Serve([&] { return passengers_.size() == kRanks - 1u; }));
  std::thread leaving([&] { watchdogs_[2]->Finish(absl::OkStatus()); });
  EXPECT_TRUE(Serve([&] { return senders_.count(2) > 0; }));
  const auto until = ProgressClock::now() + std::chrono::milliseconds(200);
  Serve([&] { return ProgressClock::now() > until; });
  leaving.join();
}

}  // namespace
}  // namespace perdure
