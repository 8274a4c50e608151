#include "launcher/supervisor/link_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string> kFour = {"a", "b", "c", "d"};

std::vector<std::string> Many(int n) {
  std::vector<std::string> hosts;
  for (int i = 0; i < n; ++i) hosts.push_back("h" + std::to_string(100 + i));
  return hosts;
}

// The pairs, tried on a network on which `bad` pairs carry nothing.
std::vector<TriedLink> Try(const std::vector<HostPair>& pairs,
                           const std::set<HostPair>& bad) {
  std::vector<TriedLink> tried;
  for (const HostPair& pair : pairs) {
    const bool broken =
        bad.contains(pair) || bad.contains({pair.second, pair.first});
    tried.push_back({pair, broken ? "silent" : ""});
  }
  return tried;
}

TEST(LinkVerdictTest, FewHostsAreTriedInAllPairs) {
  EXPECT_EQ(FirstRound(kFour).size(), 6U);
  EXPECT_THAT(SecondRound(kFour, Try(FirstRound(kFour), {{"a", "b"}})),
              IsEmpty());
}

TEST(LinkVerdictTest, AllGoodLinksBlameNobody) {
  const LinkVerdict verdict = JudgeLinks(kFour, Try(FirstRound(kFour), {}));
  EXPECT_THAT(verdict.guilty, IsEmpty());
  EXPECT_THAT(verdict.what, HasSubstr("all 6 links"));
}

TEST(LinkVerdictTest, OneBadLinkCostsOneHostTheLaterOne) {
  const LinkVerdict verdict =
      JudgeLinks(kFour, Try(FirstRound(kFour), {{"b", "c"}}));
  EXPECT_THAT(verdict.guilty, ElementsAre("c"));
  EXPECT_THAT(verdict.what, HasSubstr("b - c (silent), of 6 links tried"));
}

TEST(LinkVerdictTest, AHostOfAllBadLinksIsTheOne) {
  const LinkVerdict verdict = JudgeLinks(
      kFour, Try(FirstRound(kFour), {{"b", "a"}, {"b", "c"}, {"b", "d"}}));
  EXPECT_THAT(verdict.guilty, ElementsAre("b"));
}

TEST(LinkVerdictTest, ManyHostsAreTriedAsARingThenSuspectsWithGoodOnes) {
  const std::vector<std::string> hosts = Many(20);
  std::set<HostPair> bad;
  for (const std::string& other : hosts) bad.insert({hosts[7], other});
  std::vector<TriedLink> tried = Try(FirstRound(hosts), bad);
  EXPECT_EQ(tried.size(), 20U);
  const std::vector<HostPair> second = SecondRound(hosts, tried);
  // The bad host and its neighbours, with two good ones each.
  EXPECT_EQ(second.size(), 6U);
  for (const TriedLink& link : Try(second, bad)) tried.push_back(link);
  EXPECT_THAT(JudgeLinks(hosts, tried).guilty, ElementsAre(hosts[7]));
}

TEST(LinkVerdictTest, ManyHostsWithOneBadLinkLoseOne) {
  const std::vector<std::string> hosts = Many(20);
  const std::set<HostPair> bad = {{hosts[3], hosts[4]}};
  std::vector<TriedLink> tried = Try(FirstRound(hosts), bad);
  for (const TriedLink& link : Try(SecondRound(hosts, tried), bad)) {
    tried.push_back(link);
  }
  EXPECT_THAT(JudgeLinks(hosts, tried).guilty, ElementsAre(hosts[4]));
}

}  // namespace
}  // namespace perdure
