// Ranks read together: all bytes right, few read twice, damage told to all.

#include <mutex>

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/names.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "tests/checkpoint/snapshot/tiny_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

// What a rank of tp x dp wants: its tensor-parallel shard of the weights, and
// an even flat part of everything else.
class Wishes {
 public:
  Wishes(const TinyState& state, const ModelConfig& model, int tp, int dp,
         int rank) {
    const int tp_rank = rank % tp, replica = rank / tp;
    for (const ParamSpec& spec : ModelParams(model)) {
      if (!spec.alias_of.empty()) continue;
      for (const TinyState::Entry& entry : state.entries()) {
        if (entry.tensor.name != spec.name) continue;
        std::vector<ShardRun> runs = ShardRuns(spec, tp, tp_rank);
        if (entry.kind != StateKind::kWeight) {
          const Range part =
              EvenPart(spec.size(), tp * dp, tp_rank * dp + replica);
          runs = {{part.begin, 0, part.size()}};
        }
        Add(entry, runs);
      }
    }
  }

  const std::vector<StateRequest>& requests() const { return requests_; }

  void ExpectFilled() const {
    for (size_t i = 0; i < requests_.size(); ++i) {
      const int64_t size = SizeOf(requests_[i].dtype);
      for (const ShardRun& run : requests_[i].runs) {
        const std::string found(buffers_[i].data() + run.local_offset * size,
                                static_cast<size_t>(run.length * size));
        ASSERT_TRUE(found == entries_[i]->bytes.substr(
                                 static_cast<size_t>(run.global_offset * size),
                                 found.size()))
            << StateKindName(requests_[i].kind) << " " << requests_[i].tensor;
      }
    }
  }

  bool Untouched(size_t i) const {
    return buffers_[i] == std::vector<char>(buffers_[i].size(), 0x7e);
  }

 private:
  void Add(const TinyState::Entry& entry, const std::vector<ShardRun>& runs) {
    int64_t elements = 0;
    for (const ShardRun& run : runs) elements += run.length;
    buffers_.emplace_back(
        static_cast<size_t>(elements * SizeOf(entry.tensor.dtype)), 0x7e);
    entries_.push_back(&entry);
    requests_.push_back({entry.tensor.name, entry.kind, entry.tensor.dtype,
                         entry.tensor.shape, runs, buffers_.back().data()});
  }

  std::vector<StateRequest> requests_;
  std::vector<std::vector<char>> buffers_;
  std::vector<const TinyState::Entry*> entries_;
};

struct Mesh {
  const char* name;
  int tp, dp;
  int ranks_per_node;
  double amplification;  // at most
};

void PrintTo(const Mesh& mesh, std::ostream* out) { *out << mesh.name; }

class LoadTest : public testing::TestWithParam<Mesh> {};

// 80 MB of state, written by three ranks, read by others.
TEST_P(LoadTest, EveryRankGetsItsPartAndFewBytesAreReadTwice) {
  const Mesh& mesh = GetParam();
  const ScratchDirectory scratch;
  const ModelConfig model = TinyModel(300'000);
  const TinyState state(model, DType::kF32, true);
  ASSERT_TRUE(
      WriteTiny(state, TinyOptions(scratch.path(), model), TinyRun(1), 3).ok());
  const int ranks = mesh.tp * mesh.dp;
  for (const absl::Status& status : RunThreadRanks(
           ranks, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
             const auto snapshot = Snapshot::Open(StepPath(scratch.path(), 1));
             RETURN_IF_ERROR(snapshot.status());
             const Wishes wishes(state, model, mesh.tp, mesh.dp, world.rank());
             LoadOptions options;
             options.node =
                 absl::StrCat("node", world.rank() / mesh.ranks_per_node);
             ASSIGN_OR_RETURN(
                 const LoadReport report,
                 (*snapshot)->Load(world, wishes.requests(), options));
             wishes.ExpectFilled();
             EXPECT_GT(report.bytes_needed, 0u);
             EXPECT_LE(report.amplification(), mesh.amplification);
             return absl::OkStatus();
           })) {
    EXPECT_TRUE(status.ok()) << status;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Meshes, LoadTest,
    testing::Values(Mesh{"one", 1, 1, 1, 1.0},
                    Mesh{"dp4_on_one_node", 1, 4, 4, 1.0},
                    Mesh{"dp4_on_two_nodes", 1, 4, 2, 1.1},
                    Mesh{"tp2_on_one_node", 2, 1, 2, 1.05},
                    Mesh{"tp3_dp2_on_one_node", 3, 2, 6, 1.05},
                    Mesh{"tp2_dp3_on_three_nodes", 2, 3, 2, 1.2},
                    Mesh{"dp3_each_alone", 1, 3, 1, 1.1}),
    [](const auto& info) { return std::string(info.param.name); });

class LoadModesTest : public testing::Test {
 protected:
  LoadModesTest() : state_(TinyModel(), DType::kF32, true) { Write(1); }

  void Write(int64_t step) {
    const absl::Status written =
        WriteTiny(state_, TinyOptions(scratch_.path()), TinyRun(step), 2);
    EXPECT_TRUE(written.ok()) << written;
  }

  std::string Path(const std::string& file, int64_t step) const {
    return JoinPath(StepPath(scratch_.path(), step), file);
  }

  void Flip(const std::string& path) {
    std::string content = *ReadFile(path);
    content[content.size() / 2] =
        static_cast<char>(content[content.size() / 2] ^ 4);
    ASSERT_TRUE(WriteFileAtomically(path, content).ok());
  }

  absl::Status Load(Wishes* wishes, const LoadOptions& options) {
    const auto alone = MakeLoopbackCommunicator();
    const auto snapshot = Snapshot::Open(StepPath(scratch_.path(), 1));
    RETURN_IF_ERROR(snapshot.status());
    return (*snapshot)->Load(*alone, wishes->requests(), options).status();
  }

  const ScratchDirectory scratch_;
  const TinyState state_;
};

TEST_F(LoadModesTest, WeightsOnlyLeavesTheOptimizerAlone) {
  Wishes wishes(state_, TinyModel(), 1, 1, 0);
  LoadOptions options;
  options.weights_only = true;
  ASSERT_TRUE(Load(&wishes, options).ok());
  for (size_t i = 0; i < wishes.requests().size(); ++i) {
    EXPECT_EQ(wishes.Untouched(i),
              wishes.requests()[i].kind != StateKind::kWeight);
  }
}

TEST_F(LoadModesTest, APatternLoadsWhatMatches) {
  Wishes wishes(state_, TinyModel(), 1, 1, 0);
  LoadOptions options;
  options.patterns = {"*.mlp.*", "model.norm.weight"};
  ASSERT_TRUE(Load(&wishes, options).ok());
  for (size_t i = 0; i < wishes.requests().size(); ++i) {
    const std::string& name = wishes.requests()[i].tensor;
    EXPECT_EQ(wishes.Untouched(i), name.find(".mlp.") == std::string::npos &&
                                       name != "model.norm.weight")
        << name;
  }
}

TEST_F(LoadModesTest, APatternThatMatchesNothingIsAnErrorWithTheNearestNames) {
  Wishes wishes(state_, TinyModel(), 1, 1, 0);
  LoadOptions options;
  options.patterns = {"model.norm.wieght"};
  const absl::Status status = Load(&wishes, options);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("model.norm.weight"));
}

TEST_F(LoadModesTest, ATensorThatIsMissingIsToldOnAllRanks) {
  const auto statuses = RunThreadRanks(
      2, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
        const auto snapshot = Snapshot::Open(StepPath(scratch_.path(), 1));
        float target = 0;
        std::vector<StateRequest> requests;
        if (world.rank() == 1) {
          requests.push_back({"model.nrom.weight",
                              StateKind::kWeight,
                              DType::kF32,
                              {16},
                              {{0, 0, 1}},
                              &target});
        }
        return (*snapshot)->Load(world, requests, {}).status();
      });
  for (const absl::Status& status : statuses) {
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("did you mean 'model.norm.weight'"));
  }
}

TEST_F(LoadModesTest, DamageIsToldToAllAndTheOneBeforeLoads) {
  Write(2);
  Flip(Path("optimizer.h5", 2));
  const auto statuses = RunThreadRanks(
      3, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
        SnapshotSearch search;
        std::vector<int64_t> tried;
        const Wishes wishes(state_, TinyModel(), 1, 3, world.rank());
        while (true) {
          std::vector<std::string> warnings;
          auto snapshot =
              OpenNewestSnapshot(scratch_.path(), &warnings, search);
          RETURN_IF_ERROR(snapshot.status());
          search.below_step = (*snapshot)->run().step;
          tried.push_back(search.below_step);
          const absl::Status loaded =
              (*snapshot)->Load(world, wishes.requests(), {}).status();
          if (loaded.ok()) break;
          EXPECT_TRUE(absl::IsDataLoss(loaded)) << loaded;
          EXPECT_THAT(std::string(loaded.message()), HasSubstr("optimizer.h5"));
        }
        EXPECT_THAT(tried, testing::ElementsAre(2, 1));
        wishes.ExpectFilled();
        return absl::OkStatus();
      });
  for (const absl::Status& status : statuses)
    EXPECT_TRUE(status.ok()) << status;
}

TEST_F(LoadModesTest, OnlyBytesThatAreNeededAreRead) {
  Flip(Path("optimizer.h5", 1));  // weights do not lie there
  Wishes wishes(state_, TinyModel(), 1, 1, 0);
  LoadOptions options;
  EXPECT_TRUE(absl::IsDataLoss(Load(&wishes, options)));
  options.weights_only = true;
  EXPECT_TRUE(Load(&wishes, options).ok());
}

}  // namespace
}  // namespace perdure
