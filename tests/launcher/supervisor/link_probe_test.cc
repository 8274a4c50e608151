#include "launcher/supervisor/link_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(LinkProbeTest, DataThatComesBackIsOk) {
  std::promise<int> port;
  std::jthread server([&port] {
    EXPECT_TRUE(ServeLinkProbe(1, [&](int at) { port.set_value(at); }).ok());
  });
  const std::string peer = absl::StrCat("127.0.0.1:", port.get_future().get());
  for (const ReachedPeer& reached : ReachPeers({peer, peer, peer}, 1)) {
    EXPECT_EQ(reached.peer, peer);
    EXPECT_EQ(reached.problem, "");
  }
}

TEST(LinkProbeTest, EveryProblemIsTold) {
  const std::vector<ReachedPeer> reached =
      ReachPeers({"127.0.0.1:1", "no.such.host.invalid:1", "nonsense"}, 0.5);
  EXPECT_THAT(reached[0].problem, HasSubstr("refused"));
  EXPECT_THAT(reached[1].problem, testing::Not(IsEmpty()));
  EXPECT_THAT(reached[2].problem, HasSubstr("HOST:PORT"));
}

TEST(LinkProbeTest, WhatIsPrintedIsRead) {
  const std::vector<ReachedPeer> peers = {{"a:1", ""}, {"b:2", "not there"}};
  const std::vector<ReachedPeer> read =
      ParseReached(ReachedText(peers) + "noise\n");
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].peer, "a:1");
  EXPECT_EQ(read[0].problem, "");
  EXPECT_EQ(read[1].problem, "not there");
}

}  // namespace
}  // namespace perdure
