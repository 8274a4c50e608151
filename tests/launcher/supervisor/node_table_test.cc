#include "launcher/supervisor/node_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using ::testing::HasSubstr;

std::string Text(const std::optional<std::vector<HostSlots>>& hosts) {
  if (!hosts.has_value()) return "none";
  std::string text;
  for (const HostSlots& host : *hosts) {
    text += host.host + ":" + std::to_string(host.slots) + " ";
  }
  return text;
}

NodeTable TableOf(const char* hosts) { return NodeTable(*ParseHosts(hosts)); }

TEST(ParseHostsTest, ListAndFile) {
  EXPECT_EQ(Text(*ParseHosts("a:4, b:2,c")), "a:4 b:2 c:1 ");
  EXPECT_EQ(Text(*ParseHostfile("# mine\na slots=4\n\nb:2  # spare\nc\n")),
            "a:4 b:2 c:1 ");
}

TEST(ParseHostsTest, MistakesAreNamed) {
  for (const char* text : {"a:0", "a:x", ":3", "a:1:2"}) {
    EXPECT_THAT(std::string(ParseHosts(text).status().message()),
                HasSubstr(text));
  }
  EXPECT_THAT(std::string(ParseHosts("a,b,a").status().message()),
              HasSubstr("'a' is given twice"));
}

TEST(NodeTableTest, FirstHostsWorkTheRestAreSpares) {
  const NodeTable nodes = TableOf("a:2,b:2,c:2");
  EXPECT_EQ(Text(nodes.Choose(4, 0)), "a:2 b:2 ");
  EXPECT_EQ(Text(nodes.Choose(3, 0)), "a:2 b:1 ");
  EXPECT_EQ(Text(nodes.Choose(7, 0)), "none");
}

TEST(NodeTableTest, SpareTakesOverUntilTheHostIsTrustedAgain) {
  NodeTable nodes = TableOf("a:2,b:2,c:2");
  EXPECT_TRUE(nodes.Exclude("b", 100));
  EXPECT_EQ(Text(nodes.Choose(4, 101)), "a:2 c:2 ");
  EXPECT_EQ(nodes.NextReturn(101), 130);
  EXPECT_EQ(nodes.TrustedSlots(101), 4);
  EXPECT_EQ(nodes.TrustedSlots(130), 6);
  EXPECT_EQ(Text(nodes.Choose(6, 101)), "none");
  EXPECT_EQ(Text(nodes.Choose(6, 130)), "a:2 b:2 c:2 ");
  EXPECT_EQ(nodes.NextReturn(130), std::nullopt);
}

TEST(NodeTableTest, EachExclusionIsTwiceAsLong) {
  NodeTable nodes = TableOf("a:1");
  for (const double seconds : {30, 60, 120, 240, 480, 960, 1920, 3600, 3600}) {
    nodes.Exclude("a", 0);
    EXPECT_EQ(nodes.NextReturn(0), seconds);
  }
}

TEST(NodeTableTest, ACondemnedHostDoesNotComeBack) {
  NodeTable nodes({{"a", 2}, {"b", 2}}, 30);
  EXPECT_TRUE(nodes.Condemn("a"));
  EXPECT_TRUE(nodes.Exclude("a", 0));
  EXPECT_FALSE(nodes.Choose(4, 1e9).has_value());
  EXPECT_FALSE(nodes.NextReturn(0).has_value());
  ASSERT_TRUE(nodes.Choose(2, 0).has_value());
  EXPECT_EQ(nodes.Choose(2, 0)->at(0).host, "b");
  EXPECT_EQ(nodes.Describe(0), "a:2 out for good, b:2");
  EXPECT_FALSE(nodes.Condemn("c"));
}

TEST(NodeTableTest, ASlowHostIsUsedLastUntilItsTimeIsOver) {
  NodeTable nodes = TableOf("a:2,b:2,c:2");
  EXPECT_TRUE(nodes.MarkSlow("a", 100));
  EXPECT_TRUE(nodes.IsSlow("a", 101));
  EXPECT_EQ(Text(nodes.Choose(4, 101)), "b:2 c:2 ");
  // Better a slow one than none.
  EXPECT_EQ(Text(nodes.Choose(5, 101)), "a:1 b:2 c:2 ");
  EXPECT_EQ(nodes.TrustedSlots(101), 6);
  EXPECT_EQ(nodes.Describe(101), "a:2 slow, used last for 29 s, b:2, c:2");
  EXPECT_FALSE(nodes.IsSlow("a", 130));
  EXPECT_EQ(Text(nodes.Choose(4, 130)), "a:2 b:2 ");
  // The second time for twice as long.
  nodes.MarkSlow("a", 200);
  EXPECT_TRUE(nodes.IsSlow("a", 259));
  EXPECT_FALSE(nodes.IsSlow("a", 260));
  EXPECT_FALSE(nodes.MarkSlow("z", 0));
}

TEST(NodeTableTest, AHostIsKnownWithAndWithoutItsDomain) {
  NodeTable nodes = TableOf("a.west:1,b:1,c.west:1,c.east:1,10.0.0.1:1");
  EXPECT_TRUE(nodes.Exclude("a", 0));
  EXPECT_TRUE(nodes.Exclude("b.west", 0));
  EXPECT_EQ(Text(nodes.Choose(1, 1)), "c.west:1 ");
  EXPECT_TRUE(nodes.Exclude("c.west", 0));
  EXPECT_EQ(Text(nodes.Choose(1, 1)), "c.east:1 ");
  EXPECT_FALSE(nodes.Exclude("c", 0));  // which of both?
  EXPECT_FALSE(nodes.Exclude("10.0.0.2", 0));
}

TEST(NodeTableTest, AHostIsKnownByTheNameThatItsRanksTell) {
  NodeTable nodes = TableOf("10.0.0.1:2,10.0.0.2:2,10.0.0.3:2");
  nodes.LearnNames({{"10.0.0.1", 2}, {"10.0.0.2", 1}}, {"a", "", "b"});
  EXPECT_TRUE(nodes.Exclude("b", 0));
  EXPECT_EQ(Text(nodes.Choose(4, 1)), "10.0.0.1:2 10.0.0.3:2 ");
  EXPECT_TRUE(nodes.Condemn("a"));
  EXPECT_EQ(Text(nodes.Choose(2, 1)), "10.0.0.3:2 ");
}

TEST(NodeTableTest, NamesThatDoNotAgreeTeachNothing) {
  NodeTable nodes = TableOf("10.0.0.1:2,10.0.0.2:2");
  const std::vector<HostSlots> hosts = {{"10.0.0.1", 2}, {"10.0.0.2", 2}};
  nodes.LearnNames(hosts, {"a", "b", "a", "b"});
  nodes.LearnNames(hosts, {"a", "a", "a", "a"});
  nodes.LearnNames(hosts, {});
  EXPECT_FALSE(nodes.Exclude("a", 0));
  EXPECT_FALSE(nodes.Exclude("b", 0));
  EXPECT_EQ(Text(nodes.Choose(4, 0)), "10.0.0.1:2 10.0.0.2:2 ");
}

TEST(NodeTableTest, AHostThatWasLeftOutIsUntriedUntilItAnswers) {
  NodeTable nodes = TableOf("a:2,b:2,c:2");
  const std::vector<HostSlots> hosts = {{"a", 2}, {"b", 2}};
  EXPECT_TRUE(nodes.Untried(hosts).empty());
  nodes.Exclude("b", 0);
  nodes.Exclude("c", 0);
  EXPECT_EQ(nodes.Untried(hosts), std::vector<std::string>{"b"});
  nodes.MarkTried("b");
  EXPECT_TRUE(nodes.Untried(hosts).empty());
  nodes.Exclude("b", 1000);
  EXPECT_EQ(nodes.Untried(hosts), std::vector<std::string>{"b"});
}

TEST(NodeTableTest, UnknownHostsAndThisMachine) {
  NodeTable nodes = TableOf("a:1");
  EXPECT_FALSE(nodes.Exclude("z", 0));
  EXPECT_TRUE(NodeTable({}).local());
}

}  // namespace
}  // namespace perdure
