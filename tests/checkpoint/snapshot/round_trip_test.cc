// What any number of ranks wrote is what any number of ranks reads.

#include <tuple>

#include "checkpoint/format/safetensors.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/state/digest.h"
#include "tests/checkpoint/snapshot/tiny_state.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

class RoundTripTest
    : public testing::TestWithParam<std::tuple<int, Cut, DType>> {};

TEST_P(RoundTripTest, EveryByteComesBack) {
  const auto [ranks, cut, dtype] = GetParam();
  const ScratchDirectory scratch;
  const TinyState state(TinyModel(), dtype, true);
  const absl::Status written =
      WriteTiny(state, TinyOptions(scratch.path()), TinyRun(5), ranks, cut);
  ASSERT_TRUE(written.ok()) << written;
  auto snapshot = Snapshot::Open(StepPath(scratch.path(), 5));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  state.ExpectIn(**snapshot);
  EXPECT_TRUE((*snapshot)->Verify({}).ok());
}

INSTANTIATE_TEST_SUITE_P(
    Topologies, RoundTripTest,
    testing::Combine(testing::Values(1, 2, 3, 4),
                     testing::Values(Cut::kFlat, Cut::kColumns),
                     testing::Values(DType::kF32, DType::kBF16, DType::kF16)));

TEST(SnapshotFilesTest, DoNotDependOnTheTopology) {
  const ScratchDirectory scratch;
  const TinyState state(TinyModel(), DType::kBF16, true);
  const std::string one = JoinPath(scratch.path(), "one");
  const std::string four = JoinPath(scratch.path(), "four");
  ASSERT_TRUE(WriteTiny(state, TinyOptions(one), TinyRun(5)).ok());
  ASSERT_TRUE(
      WriteTiny(state, TinyOptions(four), TinyRun(5), 4, Cut::kColumns).ok());
  for (const char* name :
       {kWeightsName, kWeightsViewName, kOptimizerName, kConfigName}) {
    const auto a = ReadFile(JoinPath(StepPath(one, 5), name));
    const auto b = ReadFile(JoinPath(StepPath(four, 5), name));
    ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
    EXPECT_TRUE(*a == *b) << name;
  }
}

TEST(SnapshotFilesTest, TensorsOfManyBlocksComeBack) {
  const ScratchDirectory scratch;
  const ModelConfig model = TinyModel(60000);  // 3.7 MiB of embeddings
  const TinyState state(model, DType::kF32, false);
  for (const Cut cut : {Cut::kFlat, Cut::kColumns}) {
    const std::string run =
        JoinPath(scratch.path(), cut == Cut::kFlat ? "f" : "c");
    const absl::Status written =
        WriteTiny(state, TinyOptions(run, model), TinyRun(1), 3, cut);
    ASSERT_TRUE(written.ok()) << written;
    auto snapshot = Snapshot::Open(StepPath(run, 1));
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    state.ExpectIn(**snapshot);
  }
}

TEST(SnapshotFilesTest, AManifestOfColumnShardsStaysSmall) {
  const ScratchDirectory scratch;
  const ModelConfig model = TinyModel(2000);
  const TinyState state(model, DType::kF32, false);
  ASSERT_TRUE(WriteTiny(state, TinyOptions(scratch.path(), model), TinyRun(1),
                        4, Cut::kColumns)
                  .ok());
  const auto manifest =
      ReadFile(JoinPath(StepPath(scratch.path(), 1), "MANIFEST.pb"));
  ASSERT_TRUE(manifest.ok());
  // 8 bytes of checksum a row and rank; no description of every row.
  EXPECT_LT(manifest->size(), 2500 * 4 * 8 + 20000u);
}

TEST(SnapshotFilesTest, ARunWithoutOptimizerStateHasNoOptimizerFile) {
  const ScratchDirectory scratch;
  const TinyState state(TinyModel(), DType::kF32, false);
  ASSERT_TRUE(
      WriteTiny(state, TinyOptions(scratch.path()), TinyRun(1), 2).ok());
  EXPECT_THAT(*ListDirectory(StepPath(scratch.path(), 1)),
              testing::ElementsAre("MANIFEST.pb", kConfigName, kWeightsViewName,
                                   kWeightsName));
}

TEST(SnapshotFilesTest, TheHeadOfATiedModelIsNotStored) {
  const ScratchDirectory scratch;
  const TinyState state(TinyModel(), DType::kF32, false);
  ASSERT_TRUE(WriteTiny(state, TinyOptions(scratch.path()), TinyRun(1)).ok());
  auto file = File::Open(JoinPath(StepPath(scratch.path(), 1), kWeightsName),
                         File::Mode::kRead);
  ASSERT_TRUE(file.ok());
  const auto tensors = ReadSafetensorsHeader(*file);
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_EQ(tensors->size(), state.entries().size());
  for (const SafetensorsTensor& tensor : *tensors) {
    EXPECT_NE(tensor.name, "lm_head.weight");
    EXPECT_EQ(tensor.offset % 4, 0u);
  }
}

TEST(SnapshotFilesTest, TokenizerFilesGoAlongAndOthersDoNot) {
  const ScratchDirectory scratch;
  const std::string tokenizer = JoinPath(scratch.path(), "tokenizer");
  ASSERT_TRUE(CreateDirectories(tokenizer).ok());
  ASSERT_TRUE(
      WriteFileAtomically(JoinPath(tokenizer, "merges.txt"), "a b").ok());
  ASSERT_TRUE(WriteFileAtomically(JoinPath(tokenizer, "notes.txt"), "x").ok());
  ASSERT_TRUE(
      WriteFileAtomically(JoinPath(tokenizer, "tokenizer.json"), "").ok());
  SnapshotWriteOptions options = TinyOptions(scratch.path());
  options.tokenizer_dir = tokenizer;
  const TinyState state(TinyModel(), DType::kF32, false);
  const absl::Status written = WriteTiny(state, options, TinyRun(1), 2);
  ASSERT_TRUE(written.ok()) << written;
  const std::string path = StepPath(scratch.path(), 1);
  EXPECT_EQ(*ReadFile(JoinPath(path, "merges.txt")), "a b");
  EXPECT_TRUE(FileExists(JoinPath(path, "tokenizer.json")));
  EXPECT_FALSE(FileExists(JoinPath(path, "notes.txt")));
  EXPECT_TRUE((*Snapshot::Open(path))->Verify({}).ok());
}

TEST(SnapshotFilesTest, TheConfigNamesTheWidthOfTheMatrices) {
  const std::pair<DType, const char*> kNames[] = {
      {DType::kF32, "\"float32\""},
      {DType::kBF16, "\"bfloat16\""},
      {DType::kF16, "\"float16\""}};
  for (const auto& [dtype, name] : kNames) {
    const ScratchDirectory scratch;
    const TinyState state(TinyModel(), dtype, false);
    ASSERT_TRUE(WriteTiny(state, TinyOptions(scratch.path()), TinyRun(1)).ok());
    EXPECT_THAT(*ReadFile(JoinPath(StepPath(scratch.path(), 1), kConfigName)),
                testing::HasSubstr(name));
  }
}

TEST(SnapshotFilesTest, RunStateAndModelComeBack) {
  const ScratchDirectory scratch;
  ModelConfig model = TinyModel();
  model.set_init_from("/somewhere/else");
  const TinyState state(model, DType::kF32, false);
  ASSERT_TRUE(
      WriteTiny(state, TinyOptions(scratch.path(), model), TinyRun(7, 4)).ok());
  auto snapshot = Snapshot::Open(StepPath(scratch.path(), 7));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const RunState& run = (*snapshot)->run();
  EXPECT_EQ(run.run_id, "tiny");
  EXPECT_EQ(run.generation, 4);
  EXPECT_EQ(run.parent_generation, 3);
  EXPECT_EQ(run.fork_step, 3);
  EXPECT_EQ(run.step, 7);
  EXPECT_EQ(run.samples, 56);
  EXPECT_EQ(run.tokens, 700);
  EXPECT_EQ(run.loss_mean, 1.0 / 3);
  EXPECT_EQ(run.bad_steps, 2);
  EXPECT_EQ(run.updates, 6);
  EXPECT_EQ(run.config_text, "train { steps: 10 }");
  EXPECT_EQ(run.topology, "pp 1 x dp 2 x tp 1");
  EXPECT_EQ((*snapshot)->model().SerializeAsString(),
            TinyModel().SerializeAsString());
}

TEST(SnapshotFilesTest, DigestsDoNotDependOnTheTopology) {
  const ScratchDirectory scratch;
  const TinyState state(TinyModel(), DType::kBF16, true);
  std::vector<std::unique_ptr<SnapshotReader>> readers;
  for (const int ranks : {1, 3, 4}) {
    for (const Cut cut : {Cut::kFlat, Cut::kColumns}) {
      const std::string run =
          JoinPath(scratch.path(), std::to_string(readers.size()));
      ASSERT_TRUE(
          WriteTiny(state, TinyOptions(run), TinyRun(5), ranks, cut).ok());
      auto reader = SnapshotReader::Open(StepPath(run, 5));
      ASSERT_TRUE(reader.ok()) << reader.status();
      readers.push_back(*std::move(reader));
    }
  }
  for (size_t i = 0; i < readers[0]->index().tensors().size(); ++i) {
    const StoredTensor& tensor = readers[0]->index().tensors()[i];
    if (!tensor.alias_of.empty()) continue;
    ASSERT_TRUE(readers[0]->digest(i).has_value()) << tensor.name;
    const TinyState::Entry& entry = state.Find(tensor.kind, tensor.name);
    EXPECT_EQ(*readers[0]->digest(i),
              Digest(tensor.dtype, entry.bytes.data(), 0,
                     static_cast<uint64_t>(tensor.elements())));
    for (const auto& reader : readers) {
      EXPECT_EQ(reader->digest(i), readers[0]->digest(i)) << tensor.name;
    }
  }
}

}  // namespace
}  // namespace perdure
