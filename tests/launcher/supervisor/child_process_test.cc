#include "launcher/supervisor/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

namespace perdure {
namespace {

std::string ReadAll(int fd) {
  std::string text;
  char buffer[256];
  ssize_t got = 0;
  while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

ExitState WaitFor(ChildProcess* child) {
  for (int i = 0; i < 1000; ++i) {
    if (const auto exit = child->Poll()) return *exit;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << "it does not end";
  return {};
}

TEST(ChildProcessTest, OutputVariablesAndExitCode) {
  auto child = ChildProcess::Start(
      {"sh", "-c", "echo $PERDURE_TEST; echo oops >&2; cat; exit 7"},
      {{"PERDURE_TEST", "value"}});
  ASSERT_TRUE(child.ok()) << child.status();
  const ExitState exit = WaitFor(&*child);
  EXPECT_EQ(exit.code, 7);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_EQ(ReadAll(child->output()), "value\n");
  EXPECT_EQ(ReadAll(child->errors()), "oops\n");
}

TEST(ChildProcessTest, ProgramThatIsNotThere) {
  const auto child = ChildProcess::Start({"no-such-program-at-all"}, {});
  EXPECT_TRUE(absl::IsNotFound(child.status())) << child.status();
}

TEST(ChildProcessTest, SignalsShowInTheExit) {
  auto child = ChildProcess::Start({"sleep", "60"}, {});
  ASSERT_TRUE(child.ok());
  child->SignalGroup(SIGKILL);
  const ExitState exit = WaitFor(&*child);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_EQ(exit.code, 137);
  EXPECT_EQ(exit.ToString(), "signal 9 (Killed)");
}

TEST(ChildProcessTest, OrphansAreAdoptedAndEnd) {
  AdoptOrphans();
  // A grandchild in a session of its own, whose parent leaves.
  auto child = ChildProcess::Start(
      {"sh", "-c", "setsid sleep 60 >/dev/null 2>&1 & echo $!"}, {});
  ASSERT_TRUE(child.ok());
  WaitFor(&*child);
  const pid_t orphan = std::stoi(ReadAll(child->output()));
  EXPECT_EQ(kill(orphan, 0), 0);
  EXPECT_GE(KillDescendants(), 1);
  for (int i = 0; i < 500 && kill(orphan, 0) == 0; ++i) {
    ReapOrphans(child->pid());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(kill(orphan, 0), 0);
}

TEST(ChildProcessTest, ExitStateThatSomebodyElseTookIsAnEnd) {
  auto child = ChildProcess::Start({"sleep", "60"}, {});
  ASSERT_TRUE(child.ok());
  child->SignalGroup(SIGKILL);
  ASSERT_EQ(waitpid(child->pid(), nullptr, 0), child->pid());
  const std::optional<ExitState> exit = child->Poll();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, SIGKILL);
}

}  // namespace
}  // namespace perdure
