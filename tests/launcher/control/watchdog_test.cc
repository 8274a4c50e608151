#include "launcher/control/watchdog.h"

#include <gtest/gtest.h>

#include <optional>

namespace perdure {
namespace {

// A supervisor reduced to its socket.
class WatchdogTest : public ::testing::Test {
 protected:
  LaunchEnvironment Environment(double lease) const {
    return {"127.0.0.1:" + std::to_string(server_.port()), key_, 2, 0.01,
            lease};
  }

  // The next heartbeat within five seconds.
  std::optional<Heartbeat> Hear() {
    for (int i = 0; i < 100; ++i) {
      server_.Wait(0.05);
      const auto received = server_.Receive();
      if (!received.has_value()) continue;
      const auto payload = Unseal(key_, received->datagram);
      Heartbeat beat;
      if (!payload.has_value() ||
          !beat.ParseFromArray(payload->data(),
                               static_cast<int>(payload->size()))) {
        return std::nullopt;
      }
      from_ = received->from;
      return beat;
    }
    return std::nullopt;
  }

  void Answer(const Heartbeat& beat, int64_t generation) {
    HeartbeatReply reply;
    reply.set_generation(generation);
    reply.set_number(beat.number());
    server_.SendTo(Seal(key_, reply.SerializeAsString(), Towards::kRank),
                   from_);
  }

  // Of a process of its own, with one watchdog: how it exits.
  void RunUntilItLeaves(double lease) {
    ProgressBoard board;
    const auto watchdog = Watchdog::Start(Environment(lease), 0, &board);
    absl::SleepFor(absl::Seconds(20));
  }

  JobKey key_ = *JobKey::Random();
  UdpSocket server_ = *UdpSocket::Bind("127.0.0.1");
  sockaddr_in from_ = {};
};

TEST_F(WatchdogTest, TellsWhatTheRankDoes) {
  ProgressBoard board;
  board.SetTotalSteps(100);
  board.EnterPhase(Phase::kTrain);
  board.FinishStep(41, 2.5);
  board.BeginCollective("dp[0]", "AllReduce", 812);
  const auto watchdog = Watchdog::Start(Environment(20), 3, &board);
  ASSERT_TRUE(watchdog.ok()) << watchdog.status();
  const std::optional<Heartbeat> beat = Hear();
  ASSERT_TRUE(beat.has_value());
  EXPECT_EQ(beat->generation(), 2);
  EXPECT_EQ(beat->rank(), 3);
  EXPECT_EQ(beat->pid(), getpid());
  EXPECT_EQ(beat->phase(), static_cast<uint32_t>(Phase::kTrain));
  EXPECT_EQ(beat->step(), 41);
  EXPECT_EQ(beat->total_steps(), 100);
  EXPECT_EQ(beat->loss(), 2.5);
  EXPECT_TRUE(beat->in_collective());
  EXPECT_EQ(beat->group(), "dp[0]");
  EXPECT_EQ(beat->operation(), "AllReduce");
  EXPECT_EQ(beat->sequence(), 812);
  EXPECT_GT(beat->resident_bytes(), 0);
  EXPECT_FALSE(beat->has_exit_code());
}

TEST_F(WatchdogTest, NumbersItsBeatsAndSaysFarewellUntilAnswered) {
  ProgressBoard board;
  auto watchdog = Watchdog::Start(Environment(20), 0, &board);
  ASSERT_TRUE(watchdog.ok()) << watchdog.status();
  uint64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    const std::optional<Heartbeat> beat = Hear();
    ASSERT_TRUE(beat.has_value());
    EXPECT_GT(beat->number(), last);
    last = beat->number();
  }
  std::thread leaving(
      [&] { (*watchdog)->Finish(absl::CancelledError("stopped")); });
  std::optional<Heartbeat> beat = Hear();
  while (beat.has_value() && !beat->has_exit_code()) beat = Hear();
  ASSERT_TRUE(beat.has_value());
  EXPECT_EQ(beat->exit_code(), 143);
  Answer(*beat, 2);
  leaving.join();
}

TEST_F(WatchdogTest, EndsTheProcessWhenNobodyAnswers) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(RunUntilItLeaves(/*lease=*/0.2),
              testing::ExitedWithCode(kExitLeaseLost), "has not answered");
}

TEST_F(WatchdogTest, EndsTheProcessOfAnOldGeneration) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto answered_by_the_next = [&] {
    ProgressBoard board;
    const auto watchdog = Watchdog::Start(Environment(20), 0, &board);
    while (const auto beat = Hear()) Answer(*beat, 3);
  };
  EXPECT_EXIT(answered_by_the_next(),
              testing::ExitedWithCode(kExitOldGeneration), "has taken over");
}

TEST_F(WatchdogTest, AnswersOfStrangersDoNotKeepItAlive) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto answered_under_a_wrong_key = [&] {
    ProgressBoard board;
    const auto watchdog = Watchdog::Start(Environment(0.3), 0, &board);
    while (const auto beat = Hear()) {
      HeartbeatReply reply;
      reply.set_generation(2);
      reply.set_number(beat->number());
      server_.SendTo(
          Seal(*JobKey::Random(), reply.SerializeAsString(), Towards::kRank),
          from_);
    }
  };
  EXPECT_EXIT(answered_under_a_wrong_key(),
              testing::ExitedWithCode(kExitLeaseLost), "has not answered");
}

}  // namespace
}  // namespace perdure
