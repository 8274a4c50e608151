// One file a node: everything that holds for one file for all holds here. The
// oracle for the index is the HDF5 library, which knows nothing of manifests.

#include <hdf5.h>

#include <cmath>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "checkpoint/snapshot/snapshot_saver.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "tests/checkpoint/snapshot/rank_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Ranks {
  int ranks;
  int per_node;
  Cut cut;
};

absl::Status Save(const TinyState& state, const std::string& run_dir,
                  const ModelConfig& model, const Ranks& ranks) {
  return CommonStatus(RunThreadRanks(
      ranks.ranks, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
        SnapshotSaverOptions options;
        options.snapshot = TinyOptions(run_dir, model);
        options.per_node = true;
        options.node = absl::StrCat("host", world.rank() / ranks.per_node);
        ASSIGN_OR_RETURN(const auto saver,
                         SnapshotSaver::Create(world, MakePosixStorage(),
                                               std::move(options)));
        const RankState mine(state, world.size(), world.rank(), ranks.cut);
        RETURN_IF_ERROR(
            saver->Begin(TinyRun(5), mine.map(),
                         [&](StateSink* sink) { return mine.Give(sink); }));
        RETURN_IF_ERROR(saver->Finish());
        return saver->TakeReports().at(0).status;
      }));
}

// What the library reads of a dataset, as fp32.
std::vector<float> ReadDataset(const std::string& path,
                               const std::string& name) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  EXPECT_GE(file, 0) << path;
  const hid_t dataset = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
  EXPECT_GE(dataset, 0) << name;
  const hid_t space = H5Dget_space(dataset);
  std::vector<float> values(
      static_cast<size_t>(H5Sget_simple_extent_npoints(space)));
  EXPECT_GE(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                    values.data()),
            0);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(file);
  return values;
}

std::vector<float> ValuesOf(const TinyState::Entry& entry) {
  std::vector<float> values(static_cast<size_t>(entry.tensor.elements()));
  ConvertElements(entry.tensor.dtype, entry.bytes.data(), DType::kF32,
                  values.data(), entry.tensor.elements());
  return values;
}

std::string IndexOf(const TinyState::Entry& entry) {
  return entry.kind == StateKind::kWeight ? kWeightsViewName : kOptimizerName;
}
std::string DatasetOf(const TinyState::Entry& entry) {
  return entry.kind == StateKind::kWeight
             ? absl::StrCat("/", entry.tensor.name)
             : absl::StrCat("/", StateKindName(entry.kind), "/",
                            entry.tensor.name);
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class PerNodeTest : public testing::TestWithParam<std::tuple<Ranks, DType>> {};

TEST_P(PerNodeTest, EveryByteComesBackAndTheIndexShowsWholeTensors) {
  const auto& [ranks, dtype] = GetParam();
  const ScratchDirectory scratch;
  const TinyState state(TinyModel(), dtype, true);
  const absl::Status saved = Save(state, scratch.path(), TinyModel(), ranks);
  ASSERT_TRUE(saved.ok()) << saved;
  const std::string path = StepPath(scratch.path(), 5);
  auto snapshot = Snapshot::Open(path);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  state.ExpectIn(**snapshot);
  const absl::Status verified = (*snapshot)->Verify({});
  EXPECT_TRUE(verified.ok()) << verified;
  for (const TinyState::Entry& entry : state.entries()) {
    EXPECT_TRUE(
        SameBits(ReadDataset(JoinPath(path, IndexOf(entry)), DatasetOf(entry)),
                 ValuesOf(entry)))
        << DatasetOf(entry);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Topologies, PerNodeTest,
    testing::Combine(testing::Values(Ranks{1, 1, Cut::kFlat},
                                     Ranks{3, 1, Cut::kFlat},
                                     Ranks{4, 2, Cut::kFlat},
                                     Ranks{5, 2, Cut::kFlat},
                                     Ranks{4, 2, Cut::kColumns}),
                     testing::Values(DType::kF32, DType::kBF16)));

class PerNodeFilesTest : public testing::Test {
 protected:
  PerNodeFilesTest()
      : model_(TinyModel(60000)), state_(model_, DType::kBF16, true) {
    const absl::Status saved =
        Save(state_, scratch_.path(), model_, {5, 2, Cut::kFlat});
    EXPECT_TRUE(saved.ok()) << saved;
    path_ = StepPath(scratch_.path(), 5);
  }

  void Flip(const std::string& name, size_t byte) {
    std::string content = *ReadFile(JoinPath(path_, name));
    content[byte] = static_cast<char>(content[byte] ^ 4);
    ASSERT_TRUE(WriteFileAtomically(JoinPath(path_, name), content).ok());
  }

  const ScratchDirectory scratch_;
  const ModelConfig model_;
  const TinyState state_;
  std::string path_;
};

TEST_F(PerNodeFilesTest, EachNodeHasOneAndNoByteIsStoredTwice) {
  EXPECT_THAT(
      *ListDirectory(path_),
      ElementsAre("MANIFEST.pb", kConfigName, kWeightsViewName, "node-00000.h5",
                  "node-00001.h5", "node-00002.h5", kOptimizerName));
  uint64_t stored = 0, needed = 0;
  const std::vector<std::string> names = ListDirectory(path_).value();
  for (const std::string& name : names) {
    stored += ReadFile(JoinPath(path_, name))->size();
  }
  for (const TinyState::Entry& entry : state_.entries()) {
    needed += entry.bytes.size();
  }
  EXPECT_LT(stored, needed + needed / 100 + 300000);
}

TEST_F(PerNodeFilesTest, TheManifestIsOfTheVersionThatKnowsParts) {
  const auto manifest = ReadManifest(path_);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->version(), 2u);
  EXPECT_TRUE(IsScattered(manifest->tensors(0)));
}

TEST_F(PerNodeFilesTest, DigestsAreThoseOfOneFileForAll) {
  const std::string other = JoinPath(scratch_.path(), "one");
  ASSERT_TRUE(
      WriteTiny(state_, TinyOptions(other, model_), TinyRun(5), 3).ok());
  const auto a = SnapshotReader::Open(path_);
  const auto b = SnapshotReader::Open(StepPath(other, 5));
  ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
  for (size_t i = 0; i < (*a)->index().tensors().size(); ++i) {
    EXPECT_EQ((*a)->digest(i), (*b)->digest(i));
  }
}

TEST_F(PerNodeFilesTest, AFlippedBitIsFoundAndItsFileNamed) {
  Flip("node-00001.h5", 2 << 20);
  auto snapshot = Snapshot::Open(path_);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const absl::Status verified = (*snapshot)->Verify({});
  EXPECT_TRUE(absl::IsDataLoss(verified)) << verified;
  EXPECT_THAT(std::string(verified.message()), HasSubstr("node-00001.h5"));
}

TEST_F(PerNodeFilesTest, AFlippedBitOfTheIndexIsFound) {
  Flip(kOptimizerName, 100);
  auto snapshot = Snapshot::Open(path_);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_THAT(std::string((*snapshot)->Verify({}).message()),
              HasSubstr(kOptimizerName));
}

TEST_F(PerNodeFilesTest, AMissingNodeIsNamedAndReadsAsNaNInTheIndex) {
  ASSERT_TRUE(RemoveTree(JoinPath(path_, "node-00002.h5")).ok());
  const absl::Status status = Snapshot::Open(path_).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("node-00002.h5"));
  size_t numbers = 0, nans = 0;
  for (const TinyState::Entry& entry : state_.entries()) {
    for (const float value :
         ReadDataset(JoinPath(path_, IndexOf(entry)), DatasetOf(entry))) {
      ++(std::isnan(value) ? nans : numbers);
    }
  }
  EXPECT_GT(numbers, 0u);
  EXPECT_GT(nans, 0u);
}

}  // namespace
}  // namespace perdure
