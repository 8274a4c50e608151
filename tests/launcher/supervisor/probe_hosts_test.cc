#include "launcher/supervisor/probe_hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "launcher/supervisor/host_trial.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Addresses of this machine are the hosts; `cases` says, as lines of a shell's
// case, what happens on some of them.
ProbeOptions Hosts(const std::string& cases) {
  std::string pattern = ::testing::TempDir() + "/agent-XXXXXX";
  const std::string agent = std::string(mkdtemp(pattern.data())) + "/agent";
  std::ofstream(agent) << "#!/bin/sh\nhost=$1\nshift\ncase $host in\n"
                       << cases << "\nesac\nexec \"$@\"\n";
  chmod(agent.c_str(), 0700);
  ProbeOptions options;
  options.access.agent = agent;
  options.program = PERDURE_LAUNCH;
  options.start_seconds = 2;
  options.link_seconds = 0.5;
  return options;
}

TEST(UnreachableHostsTest, HostsThatFailOrHangOrHaveNoNetwork) {
  const ProbeOptions options = Hosts(
      "127.0.0.2) exit 1;;\n127.0.0.3) exec sleep 60;;\n"
      "127.0.0.4) echo port 1; exec sleep 60;;");
  EXPECT_THAT(UnreachableHosts({"127.0.0.1", "127.0.0.2", "127.0.0.3",
                                "127.0.0.4", "127.0.0.5"},
                               options),
              ElementsAre("127.0.0.2", "127.0.0.3", "127.0.0.4"));
}

TEST(UnreachableHostsTest, HostWithoutTheProgramPasses) {
  EXPECT_THAT(UnreachableHosts({"127.0.0.2"}, Hosts("*) exit 127;;")),
              IsEmpty());
}

TEST(UnreachableHostsTest, AgentThatIsNotThere) {
  ProbeOptions options = Hosts("");
  options.access.agent = "/no/such/agent";
  EXPECT_THAT(UnreachableHosts({"127.0.0.1"}, options),
              ElementsAre("127.0.0.1"));
}

TEST(ProbeLinksTest, AllLinksCarryData) {
  const LinkVerdict verdict =
      ProbeLinks({"127.0.0.1", "127.0.0.2", "127.0.0.3"}, Hosts(""));
  EXPECT_THAT(verdict.guilty, IsEmpty());
  EXPECT_THAT(verdict.what, HasSubstr("all 3 links"));
}

TEST(ProbeLinksTest, TheOneLinkThatDoesNotIsNamed) {
  // What 127.0.0.2 says of reaching 127.0.0.3 is that it cannot.
  const ProbeOptions options = Hosts(
      "127.0.0.2) if [ $2 = probe-reach ]; then shift 3; for p; do case $p in "
      "127.0.0.3:*) echo $p no connection in time;; *) echo $p ok;; esac; done;"
      " exit 0; fi;;");
  const LinkVerdict verdict =
      ProbeLinks({"127.0.0.1", "127.0.0.2", "127.0.0.3"}, options);
  EXPECT_THAT(verdict.guilty, ElementsAre("127.0.0.3"));
  EXPECT_THAT(verdict.what, HasSubstr("127.0.0.2 - 127.0.0.3"));
}

TEST(HostTrialTest, ToldOnceItIsDone) {
  HostTrial trial;
  EXPECT_EQ(trial.Take(), std::nullopt);
  trial.Begin({"127.0.0.1", "127.0.0.2"}, Hosts("127.0.0.2) exit 1;;"));
  std::optional<std::vector<std::string>> silent;
  while (!(silent = trial.Take()).has_value()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_THAT(*silent, ElementsAre("127.0.0.2"));
  EXPECT_FALSE(trial.running());
}

TEST(HostTrialTest, CancelledTellsNothing) {
  HostTrial trial;
  trial.Begin({"127.0.0.1"}, Hosts("*) exec sleep 60;;"));
  trial.Cancel();
  EXPECT_FALSE(trial.running());
  EXPECT_EQ(trial.Take(), std::nullopt);
}

}  // namespace
}  // namespace perdure
