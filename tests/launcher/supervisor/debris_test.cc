#include "launcher/supervisor/debris.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace perdure {
namespace {

namespace fs = std::filesystem;

TEST(DebrisTest, OnlyWhatTheJobLeftIsRemoved) {
  std::string pattern = ::testing::TempDir() + "/debris-XXXXXX";
  const fs::path root = mkdtemp(pattern.data());
  const std::string uid = std::to_string(geteuid());
  const fs::path memory = root / "shm", temporary = root / "tmp";
  const auto touch = [](const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  };
  // Job numbers 0x02220001 of mpirun 100, 0x1a130001 of mpirun 200.
  const fs::path user = temporary / ("ompi.host." + uid);
  touch(user / "pid.100/contact.txt", "35782656.0;tcp://192.0.2.2:1\n100\n");
  touch(user / "pid.200/contact.txt", "437452800.0;tcp://192.0.2.2:2\n200\n");
  const std::string segment = "vader_segment.host." + uid;
  touch(memory / (segment + ".2220001.0"), "x");
  touch(memory / (segment + ".2220001.1"), "x");
  touch(memory / (segment + ".1a130001.0"), "x");
  touch(memory / "vader_segment.host.99999.2220001.0", "x");
  touch(memory / "somebody_elses", "x");
  // The ranks' own snapshots, which the next generation goes on from.
  const fs::path kept = memory / ("perdure-" + uid + "-0123456789abcdef") /
                        "host/snapshots/step-000000001/node-00000.h5";
  touch(kept, "x");

  touch(user / "jf.546/0/1", "a daemon's");
  touch(user / "jf.6675/0/1", "another's");

  const DebrisPlaces places{memory.string(), temporary.string()};
  ASSERT_EQ(JobFamilyOf(100, places), 0x222u);
  EXPECT_EQ(RemoveDebris(0x222, places), 4);
  EXPECT_FALSE(fs::exists(user / "pid.100"));
  EXPECT_TRUE(fs::exists(user / "pid.200"));
  EXPECT_FALSE(fs::exists(user / "jf.546"));
  EXPECT_TRUE(fs::exists(user / "jf.6675"));
  EXPECT_FALSE(fs::exists(memory / (segment + ".2220001.0")));
  EXPECT_FALSE(fs::exists(memory / (segment + ".2220001.1")));
  EXPECT_TRUE(fs::exists(memory / (segment + ".1a130001.0")));
  EXPECT_TRUE(fs::exists(memory / "vader_segment.host.99999.2220001.0"));
  EXPECT_TRUE(fs::exists(memory / "somebody_elses"));
  EXPECT_EQ(JobFamilyOf(100, places), std::nullopt);
  EXPECT_EQ(RemoveDebris(0x222, places), 0);
  EXPECT_TRUE(fs::exists(kept));
  fs::remove_all(root);
}

TEST(DebrisTest, DirectoriesThatAreNotThereAreNoTrouble) {
  const DebrisPlaces places{"/no/such/shm", "/no/such/tmp"};
  EXPECT_EQ(JobFamilyOf(1, places), std::nullopt);
  EXPECT_EQ(RemoveDebris(1, places), 0);
}

}  // namespace
}  // namespace perdure
