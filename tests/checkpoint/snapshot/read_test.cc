// Reading parts, in other dtypes, for other topologies.

#include <cstring>

#include "checkpoint/snapshot/names.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/checkpoint/snapshot/tiny_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;
using testing::Not;

class ReadTest : public testing::Test {
 protected:
  ReadTest() : state_(TinyModel(), DType::kF32, true) {
    const absl::Status written = WriteTiny(state_, TinyOptions(scratch_.path()),
                                           TinyRun(1), 3, Cut::kColumns);
    EXPECT_TRUE(written.ok()) << written;
    auto snapshot = Snapshot::Open(StepPath(scratch_.path(), 1));
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    snapshot_ = std::move(*snapshot);
  }

  // The shard of a spec as a rank of tp would read it, fp32.
  void ExpectShard(const ParamSpec& spec, int tp, int tp_rank) {
    const std::string stored =
        spec.alias_of.empty() ? spec.name : spec.alias_of;
    const TinyState::Entry& entry = state_.Find(StateKind::kWeight, stored);
    const std::vector<ShardRun> runs = ShardRuns(spec, tp, tp_rank);
    int64_t size = 0;
    for (const ShardRun& run : runs) size += run.length;
    std::vector<float> found(size, -1);
    const absl::Status status =
        snapshot_->Read({{spec.name, StateKind::kWeight, DType::kF32,
                          spec.shape, runs, found.data()}});
    ASSERT_TRUE(status.ok()) << status;
    for (const ShardRun& run : runs) {
      EXPECT_EQ(std::memcmp(found.data() + run.local_offset,
                            entry.bytes.data() + run.global_offset * 4,
                            run.length * 4),
                0)
          << spec.name << " at " << run.global_offset;
    }
  }

  absl::Status ReadAs(const std::string& name, std::vector<int64_t> shape,
                      StateKind kind = StateKind::kWeight) {
    std::vector<float> target(100000);
    return snapshot_->Read({{name,
                             kind,
                             DType::kF32,
                             std::move(shape),
                             {{0, 0, 1}},
                             target.data()}});
  }

  const ScratchDirectory scratch_;
  const TinyState state_;
  std::unique_ptr<Snapshot> snapshot_;
};

TEST_F(ReadTest, ShardsOfAnotherTopologyAreReadAsTheyAreNeeded) {
  for (const ParamSpec& spec : ModelParams(TinyModel())) {
    for (int tp_rank = 0; tp_rank < 2; ++tp_rank) {
      ExpectShard(spec, 2, tp_rank);
    }
  }
}

TEST_F(ReadTest, TheHeadOfATiedModelReadsTheEmbedding) {
  const ParamSpec head = ModelParams(TinyModel()).back();
  ASSERT_EQ(head.alias_of, "model.embed_tokens.weight");
  ExpectShard(head, 1, 0);
}

TEST_F(ReadTest, FloatsAreConvertedOnTheWay) {
  const TinyState::Entry& entry =
      state_.Find(StateKind::kMaster, "model.embed_tokens.weight");
  const int64_t n = entry.tensor.elements();
  std::vector<uint16_t> found(n);
  std::vector<uint16_t> expected(n);
  ConvertElements(DType::kF32, entry.bytes.data(), DType::kBF16,
                  expected.data(), n);
  // Three runs, swapped in the target, so conversion works on parts.
  const std::vector<ShardRun> runs = {
      {0, n - 101, 101}, {101, 0, 100}, {201, 100, n - 201}};
  ASSERT_TRUE(snapshot_
                  ->Read({{entry.tensor.name, entry.kind, DType::kBF16,
                           entry.tensor.shape, runs, found.data()}})
                  .ok());
  for (const ShardRun& run : runs) {
    for (int64_t i = 0; i < run.length; ++i) {
      ASSERT_EQ(found[run.local_offset + i], expected[run.global_offset + i]);
    }
  }
}

TEST_F(ReadTest, OneElementCanBeAskedForManyTimes) {
  const TinyState::Entry& entry =
      state_.Find(StateKind::kMoment2, "model.norm.weight");
  std::vector<float> found(4);
  std::vector<StateRequest> requests;
  for (int i = 0; i < 4; ++i) {
    requests.push_back({entry.tensor.name,
                        entry.kind,
                        DType::kF32,
                        entry.tensor.shape,
                        {{7, i, 1}},
                        found.data()});
  }
  ASSERT_TRUE(snapshot_->Read(requests).ok());
  float expected;
  std::memcpy(&expected, entry.bytes.data() + 28, 4);
  EXPECT_THAT(found, testing::Each(expected));
}

TEST_F(ReadTest, AllMissingTensorsAreListedWithTheNearestNames) {
  float target;
  const absl::Status status = snapshot_->Read(
      {{"model.norm.wieght",
        StateKind::kWeight,
        DType::kF32,
        {16},
        {},
        &target},
       {"zzz", StateKind::kMoment1, DType::kF32, {16}, {}, &target},
       {"model.norm.weight",
        StateKind::kWeight,
        DType::kF32,
        {17},
        {},
        &target}});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("weight model.norm.wieght is not there, did "
                                 "you mean 'model.norm.weight'"));
  EXPECT_THAT(message, HasSubstr("exp_avg zzz is not there"));
  EXPECT_THAT(message, HasSubstr("model.norm.weight: [17] is wanted, [16] is "
                                 "stored"));
  EXPECT_THAT(message, HasSubstr("step-000000001"));
}

TEST_F(ReadTest, AWrongShapeIsAFailedPrecondition) {
  EXPECT_EQ(ReadAs("model.embed_tokens.weight", {16, 37}).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(ReadTest, ARunOutsideOfTheTensorIsRefused) {
  std::vector<float> target(64);
  for (const ShardRun& run : {ShardRun{10, 0, 7}, ShardRun{-1, 0, 2},
                              ShardRun{0, 0, 17}, ShardRun{INT64_MAX, 0, 1}}) {
    EXPECT_EQ(snapshot_
                  ->Read({{"model.norm.weight",
                           StateKind::kWeight,
                           DType::kF32,
                           {16},
                           {run},
                           target.data()}})
                  .code(),
              absl::StatusCode::kInternal);
  }
}

TEST_F(ReadTest, NamesAreSortedAndWithoutAliases) {
  for (const StateKind kind : {StateKind::kWeight, StateKind::kMoment1}) {
    const std::vector<std::string> names = snapshot_->Names(kind);
    EXPECT_EQ(names.size(), state_.entries().size() / 4);
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
    EXPECT_THAT(names, Not(testing::Contains("lm_head.weight")));
  }
}

TEST_F(ReadTest, InspectShowsRunModelFilesAndTensors) {
  const std::string text = snapshot_->Inspect();
  for (const char* part :
       {"run         tiny", "step        1", "llama: 2 layers, 16 wide",
        "model.safetensors", "optimizer.h5", "exp_avg_sq", "[37, 16]",
        "lm_head.weight -> model.embed_tokens.weight", "pp 1 x dp 2 x tp 1"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST_F(ReadTest, AnOpenSnapshotSurvivesItsRemoval) {
  ASSERT_TRUE(RemoveTree(StepPath(scratch_.path(), 1)).ok());
  state_.ExpectIn(*snapshot_);
}

}  // namespace
}  // namespace perdure
