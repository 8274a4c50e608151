#include "launcher/train/fault_injection.h"

#include <signal.h>
#include <time.h>

#include <chrono>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/train/make_engine.h"
#include "parallel/group/process_groups.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

std::string NewDirectory() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const std::string dir =
      JoinPath(testing::TempDir(), std::string("perdure_") + info->name());
  EXPECT_TRUE(RemoveTree(dir).ok());
  EXPECT_TRUE(CreateDirectories(dir).ok());
  return dir;
}

TEST(FaultInjectionTest, SeveralFaultsOfSeveralGenerations) {
  const auto faults = ParseFaults("kill@1:8:1,full@0:12:2,slow2.5@3:4");
  ASSERT_TRUE(faults.ok()) << faults.status();
  ASSERT_EQ(faults->size(), 3);
  EXPECT_EQ((*faults)[1].kind, "full");
  EXPECT_EQ((*faults)[1].rank, 0);
  EXPECT_EQ((*faults)[1].step, 12);
  EXPECT_EQ((*faults)[1].generation, 2);
  EXPECT_EQ((*faults)[2].factor, 2.5);
  EXPECT_EQ((*faults)[2].generation, 0);
}

TEST(FaultInjectionTest, OnlyFaultsOfTheRankAndGenerationStrike) {
  const auto faults = ParseFaults("full@1:8:2");
  ASSERT_TRUE(faults.ok());
  EXPECT_TRUE(FaultInjector(*faults, 0, 2).empty());
  EXPECT_TRUE(FaultInjector(*faults, 1, 1).empty());
  EXPECT_FALSE(FaultInjector(*faults, 1, 2).empty());
}

double ThreadSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec);
}

// How long the engine sleeps at least after 2 ms of computing.
double SleepsAfterComputing(TrainEngine* engine) {
  const double begin = ThreadSeconds();
  while (ThreadSeconds() < begin + 2e-3) {
  }
  const auto start = std::chrono::steady_clock::now();
  engine->runtime().Pace();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

// As after a rollback, with steps made again.
TEST(FaultInjectionTest, ASlowRankStaysSlowWithAnotherEngine) {
  auto config = ParseConfig(
      "model { family: 'gpt2' vocab_size: 17 context: 8 layers: 1 heads: 1 "
      "hidden: 8 } train { steps: 20 global_batch: 1 micro_batch: 1 }",
      "test");
  ASSERT_TRUE(config.ok()) << config.status();
  const RunConfig resolved = ResolveConfig(*config);
  const auto world = MakeLoopbackCommunicator();
  const auto topology = Topology::Create(resolved.topology(), 1);
  ASSERT_TRUE(topology.ok()) << topology.status();
  const auto groups = MakeProcessGroups(*world, *topology);
  ASSERT_TRUE(groups.ok()) << groups.status();
  const auto device = MakeCpuDevice(1);
  const auto faults = ParseFaults("slow51@0:8");
  ASSERT_TRUE(faults.ok());
  FaultInjector injector(*faults, 0, 1);
  for (const int64_t last_step : {10, 12}) {
    auto engine = MakeEngine(resolved, 8, &*groups, device.get(), nullptr);
    ASSERT_TRUE(engine.ok()) << engine.status();
    for (int64_t step = last_step - 2; step <= last_step; ++step) {
      injector.Strike(step, {engine->get(), nullptr});
    }
    EXPECT_GT(SleepsAfterComputing(engine->get()), 0.09) << last_step;
  }
}

TEST(FaultInjectionTest, EntriesThatAreNoFaultsAreNamed) {
  for (const char* text : {"full@1", "empty@0:1", "nan@-1:2", "torn@0:0",
                           "slow0.5@0:1", "kill@0:1:0"}) {
    const auto faults = ParseFaults(text);
    EXPECT_TRUE(absl::IsInvalidArgument(faults.status())) << text;
    EXPECT_THAT(std::string(faults.status().message()),
                testing::HasSubstr(text));
  }
}

TEST(FaultyStorageTest, FullDiskRefusesFilesThatAreOpenToo) {
  const std::string dir = NewDirectory();
  FaultyStorage storage(MakePosixStorage());
  const auto file = storage.Create(JoinPath(dir, "a"));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->WriteAt(0, "1234", 4).ok());
  storage.Arm(StorageFault::kFull);
  const absl::Status status = (*file)->WriteAt(4, "5678", 4);
  EXPECT_EQ(ExitCode(status), 7);
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("No space left on device"));
  EXPECT_EQ(*storage.FreeBytes(dir), 0);
  EXPECT_EQ(*ReadFile(JoinPath(dir, "a")), "1234");
}

TEST(FaultyStorageTest, TornWriteLeavesHalfAndEndsTheProcess) {
  const std::string path = JoinPath(NewDirectory(), "a");
  const auto write_torn = [&] {
    FaultyStorage storage(MakePosixStorage());
    const auto file = storage.Create(path);
    if (!file.ok()) return;
    storage.Arm(StorageFault::kTorn);
    (void)(*file)->WriteAt(0, "12345678", 8);
  };
  EXPECT_EXIT(write_torn(), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(*ReadFile(path), "1234");
}

}  // namespace
}  // namespace perdure
