// A snapshot of every released version of the format loads for ever.
//
// The tests of what is written today leave their snapshots in the temporary
// directory: a new version's fixture is moved from there to
// tests/checkpoint/fixtures/vN.

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/snapshot_saver.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "tests/checkpoint/snapshot/rank_state.h"
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

TEST(SnapshotFixtureTest, VersionTwoLoads) {
  auto snapshot = Snapshot::Open(
      absl::StrCat(PERDURE_SOURCE_DIR, "/tests/checkpoint/fixtures/v2"));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const absl::Status verified = (*snapshot)->Verify({});
  ASSERT_TRUE(verified.ok()) << verified;
  EXPECT_EQ((*snapshot)->run().step, 5);
  TinyState(TinyModel(), DType::kBF16, true).ExpectIn(**snapshot);
}

// What the fixture's manifest says of tensors and run; fields may be added.
void ExpectSameContent(const SnapshotManifest& fixture,
                       const SnapshotManifest& today) {
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_scope(google::protobuf::util::MessageDifferencer::PARTIAL);
  std::string difference;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_EQ(fixture.version(), today.version());
  ASSERT_EQ(fixture.tensors_size(), today.tensors_size());
  for (int i = 0; i < fixture.tensors_size(); ++i) {
    EXPECT_NE(fixture.tensors(i).has_digest(),
              fixture.tensors(i).has_alias_of());
    EXPECT_TRUE(differencer.Compare(fixture.tensors(i), today.tensors(i)))
        << fixture.tensors(i).name() << ": " << difference;
  }
  EXPECT_TRUE(differencer.Compare(fixture.run(), today.run())) << difference;
  EXPECT_TRUE(differencer.Compare(fixture.model(), today.model()))
      << difference;
}

// Of the HDF5 files the structure is the library's.
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
  const auto today = ReadManifest(run + "/snapshots/step-000000005");
  const auto fixture = ReadManifest(
      absl::StrCat(PERDURE_SOURCE_DIR, "/tests/checkpoint/fixtures/v1"));
  ASSERT_TRUE(today.ok() && fixture.ok()) << today.status();
  ExpectSameContent(*fixture, *today);
}

TEST(SnapshotFixtureTest, OneFileANodeIsWrittenTodayAsInVersionTwo) {
  const std::string run = JoinPath(testing::TempDir(), "perdure_fixture_nodes");
  std::filesystem::remove_all(run);
  const TinyState state(TinyModel(), DType::kBF16, true);
  const absl::Status written = CommonStatus(RunThreadRanks(
      3, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
        SnapshotSaverOptions options;
        options.snapshot = TinyOptions(run);
        options.per_node = true;
        options.node = world.rank() < 2 ? "first" : "second";
        ASSIGN_OR_RETURN(const auto saver,
                         SnapshotSaver::Create(world, MakePosixStorage(),
                                               std::move(options)));
        const RankState mine(state, world.size(), world.rank());
        RETURN_IF_ERROR(
            saver->Begin(TinyRun(5), mine.map(),
                         [&](StateSink* sink) { return mine.Give(sink); }));
        return saver->Finish();
      }));
  ASSERT_TRUE(written.ok()) << written;
  const auto today = ReadManifest(run + "/snapshots/step-000000005");
  const auto fixture = ReadManifest(
      absl::StrCat(PERDURE_SOURCE_DIR, "/tests/checkpoint/fixtures/v2"));
  ASSERT_TRUE(today.ok() && fixture.ok()) << today.status();
  ExpectSameContent(*fixture, *today);
}

}  // namespace
}  // namespace perdure
