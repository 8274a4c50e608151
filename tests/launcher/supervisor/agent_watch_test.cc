#include "launcher/supervisor/agent_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "launcher/supervisor/child_process.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

void Pause() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

TEST(HostNamedInTest, FirstWholeWord) {
  const std::vector<std::string> hosts = {"n1", "n10", "n2"};
  const std::string ssh("ssh\0-x\0n10\0orted n1,n2", 24);
  EXPECT_EQ(HostNamedIn(ssh, hosts), "n10");
  EXPECT_EQ(HostNamedIn("sh -c hostname n2 && orted", hosts), "n2");
  EXPECT_EQ(HostNamedIn("mpirun-n1 xn2", hosts), "");
  EXPECT_EQ(HostNamedIn("", hosts), "");
}

TEST(AgentWatchTest, TheFirstThatIsGoneNamesItsHost) {
  // A parent of two, the second of which leaves when its file goes.
  std::string pattern = ::testing::TempDir() + "/agents-XXXXXX";
  const std::string folder = mkdtemp(pattern.data());
  auto parent = ChildProcess::Start(
      {"sh", "-c",
       "sh -c 'while true; do sleep 0.01; done' host-a & touch $0/b; "
       "sh -c 'while [ -e $1/b ]; do sleep 0.01; done' host-b $0 & "
       "touch $0/up; wait; sleep 60",
       folder},
      {});
  ASSERT_TRUE(parent.ok()) << parent.status();
  while (access((folder + "/up").c_str(), F_OK) != 0) Pause();
  AgentWatch watch({"host-a", "host-b"});
  EXPECT_FALSE(watch.learned());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  watch.Learn(parent->pid());
  watch.Look(parent->pid());
  EXPECT_THAT(watch.lost(), IsEmpty());
  unlink((folder + "/b").c_str());
  while (watch.lost().empty()) {
    watch.Look(parent->pid());
    Pause();
  }
  EXPECT_THAT(watch.lost(), ElementsAre("host-b"));
}

}  // namespace
}  // namespace perdure
