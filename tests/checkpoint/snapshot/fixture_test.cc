// A snapshot of every released version of the format loads for ever.
//
// WhatIsWrittenTodayHasTheSameBytes leaves its snapshot in the temporary
// directory: a new version's fixture is moved from there to
// tests/checkpoint/fixtures/vN.

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/snapshot/tiny_state.h"

namespace perdure {
namespace {

TEST(SnapshotFixtureTest, VersionOneLoads) {
  auto snapshot = Snapshot::Open(
      absl::StrCat(PERDURE_SOURCE_DIR, "/tests/checkpoint/fixtures/v1"));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const absl::Status verified = (*snapshot)->Verify({});
  ASSERT_TRUE(verified.ok()) << verified;
  EXPECT_EQ((*snapshot)->run().run_id, "tiny");
  EXPECT_EQ((*snapshot)->run().step, 5);
  EXPECT_EQ((*snapshot)->run().updates, 4);
  EXPECT_EQ((*snapshot)->model().SerializeAsString(),
            TinyModel().SerializeAsString());
  TinyState(TinyModel(), DType::kBF16, true).ExpectIn(**snapshot);
}

// Not optimizer.h5, whose structure is the HDF5 library's, nor the manifest, to
// which fields are added.
TEST(SnapshotFixtureTest, WhatIsWrittenTodayHasTheSameBytes) {
  const std::string run = JoinPath(testing::TempDir(), "perdure_fixture");
  std::filesystem::remove_all(run);
  const TinyState state(TinyModel(), DType::kBF16, true);
  const absl::Status written =
      WriteTiny(state, TinyOptions(run), TinyRun(5), 3, Cut::kColumns);
  ASSERT_TRUE(written.ok()) << written;
  for (const char* name : {"model.safetensors", "config.json"}) {
    const auto today =
        ReadFile(absl::StrCat(run, "/snapshots/step-000000005/", name));
    const auto fixture = ReadFile(absl::StrCat(
        PERDURE_SOURCE_DIR, "/tests/checkpoint/fixtures/v1/", name));
    ASSERT_TRUE(today.ok() && fixture.ok()) << today.status();
    EXPECT_EQ(*today, *fixture) << name << " below " << run;
  }
}

}  // namespace
}  // namespace perdure
