// A snapshot of every released version of the format loads for ever.
//
// A new version's fixture is written by
//   snapshot_fixture_test --gtest_also_run_disabled_tests
//   --gtest_filter=*Write*
// into the temporary directory, and moved to tests/checkpoint/fixtures/vN.

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

TEST(SnapshotFixtureTest, DISABLED_WriteThisVersion) {
  const std::string run = JoinPath(testing::TempDir(), "perdure_fixture");
  const TinyState state(TinyModel(), DType::kBF16, true);
  const absl::Status written =
      WriteTiny(state, TinyOptions(run), TinyRun(5), 3, Cut::kColumns);
  ASSERT_TRUE(written.ok()) << written;
}

}  // namespace
}  // namespace perdure
