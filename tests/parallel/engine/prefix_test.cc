// Prefixes of all layers: where they come from, and that generated text sees
// them.

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "parallel/engine/generator.h"
#include "parallel/engine/initialize_prefix.h"
#include "parallel/engine/state_export.h"
#include "parallel/engine/state_pieces.h"
#include "runtime/comm/backends.h"
#include "tests/parallel/model/golden_model.h"

namespace perdure {
namespace {

constexpr int64_t kPrefix = 4;  // of the golden models

using Tensors = std::map<std::string, std::vector<float>>;

ModelRuntimeOptions Options() {
  ModelRuntimeOptions options;
  options.max_rows = 24;
  return options;
}

// All weights after InitializePrefix, whole.
Tensors Initialized(const GoldenModel& model, const TopologyConfig& topology,
                    int ranks) {
  Tensors weights;
  std::mutex mutex;
  const auto body = [&](Communicator& world) -> absl::Status {
    ASSIGN_OR_RETURN(const auto rank,
                     MakeGoldenRank(model, topology, Options(), world));
    RETURN_IF_ERROR(InitializePrefix(/*seed=*/7, rank->runtime.get()));
    StateExport state(rank->runtime.get(), nullptr);
    ASSIGN_OR_RETURN(
        const SavedPieces saved,
        CollectPieces(state.map(), world.rank(),
                      [&](StateSink* sink) { return state.Give(sink); }));
    std::lock_guard<std::mutex> lock(mutex);
    for (const StatePiece& piece : saved.pieces) {
      std::vector<float>& tensor = weights[piece.tensor];
      tensor.resize(static_cast<size_t>(
          piece.shape[0] * (piece.shape.size() > 1 ? piece.shape[1] : 1)));
      const float* data = static_cast<const float*>(piece.data);
      std::copy(data, data + (piece.end - piece.begin),
                tensor.begin() + piece.begin);
    }
    return absl::OkStatus();
  };
  for (const absl::Status& status :
       RunThreadRanks(ranks, absl::Seconds(60), body)) {
    EXPECT_TRUE(status.ok()) << status;
  }
  return weights;
}

class PrefixTest : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Models, PrefixTest,
                         testing::Values("gpt2_tied_prefix", "opt_tied_prefix",
                                         "llama_tied_prefix"),
                         [](const auto& info) { return info.param; });

TEST_P(PrefixTest, ActivationsAreTheSameOnEveryTopology) {
  const GoldenModel model(GetParam());
  const Tensors one = Initialized(model, TopologyConfig(), 1);
  TopologyConfig pipeline, tensor, replicas;
  pipeline.set_pp(3);
  tensor.set_tp(2);
  replicas.set_dp(2);
  EXPECT_EQ(one, Initialized(model, pipeline, 3));
  EXPECT_EQ(one, Initialized(model, replicas, 2));
  int prefixes = 0;
  for (const auto& [name, values] : Initialized(model, tensor, 2)) {
    EXPECT_LT(RelativeError(one.at(name), values, one.at(name)), 1e-5) << name;
    if (name.find(".prefix_") == std::string::npos) continue;
    ++prefixes;
    // Not what the golden file has.
    EXPECT_NE(values, model.weight(name).values) << name;
  }
  EXPECT_EQ(prefixes, 2 * model.config.layers());
}

// The next id by a pass over the whole text.
absl::StatusOr<int32_t> NextId(ModelRuntime* runtime,
                               const std::vector<int32_t>& ids) {
  Batch batch;
  batch.batch = 1;
  batch.tokens = static_cast<int64_t>(ids.size());
  batch.sequence = {0};
  batch.ids = ids;
  batch.targets.assign(ids.size(), 0);
  batch.weights.assign(ids.size(), 1);
  for (size_t t = 0; t < ids.size(); ++t) {
    batch.positions.push_back(static_cast<int32_t>(t));
  }
  const MicroBatch micro = MakeMicroBatch(batch);
  StageActivations activations = runtime->stage().MakeActivations(false);
  RETURN_IF_ERROR(runtime->stage().Forward(micro, &activations));
  std::vector<float> logits;
  RETURN_IF_ERROR(
      runtime->stage().Logits(micro, &activations, batch.tokens - 1, &logits));
  return ChooseToken(logits, 0, 0, 0);
}

TEST_P(PrefixTest, GeneratedTextSeesIt) {
  const GoldenModel model(GetParam());
  const auto world = MakeLoopbackCommunicator();
  const auto rank = MakeGoldenRank(model, TopologyConfig(), Options(), *world);
  ASSERT_TRUE(rank.ok()) << rank.status();
  Generator generator((*rank)->runtime.get());
  GenerateOptions options;
  options.max_new_tokens = 12;
  const std::vector<int32_t> prompt = {5, 9, 31, 2};
  const auto generated = generator.Generate(prompt, options);
  ASSERT_TRUE(generated.ok()) << generated.status();
  std::vector<int32_t> ids = prompt;
  while (ids.size() < generated->size()) {
    const auto next = NextId((*rank)->runtime.get(), ids);
    ASSERT_TRUE(next.ok()) << next.status();
    ids.push_back(*next);
  }
  EXPECT_EQ(*generated, ids);
}

// The keys that the model without a prefix has for the same tokens.
TEST_P(PrefixTest, ActivationsAreTheKeysOfATextOfItsOwn) {
  const GoldenModel model(GetParam());
  const auto world = MakeLoopbackCommunicator();
  const auto with = MakeGoldenRank(model, TopologyConfig(), Options(), *world);
  ASSERT_TRUE(with.ok());
  ASSERT_TRUE(InitializePrefix(7, (*with)->runtime.get()).ok());
  GoldenModel plain = model;
  plain.config.clear_prefix();
  const auto without =
      MakeGoldenRank(plain, TopologyConfig(), Options(), *world);
  ASSERT_TRUE(without.ok());
  ModelRuntime& runtime = *(*without)->runtime;

  const Batch batch = PrefixTokens(7, model.config);
  std::vector<KvCache> caches = runtime.stage().MakeCaches(1, kPrefix);
  StageActivations activations = runtime.stage().MakeActivations(false);
  ASSERT_TRUE(
      runtime.stage()
          .ForwardCached(MakeMicroBatch(batch), {0}, &caches, &activations)
          .ok());
  for (int layer = 0; layer < model.config.layers(); ++layer) {
    for (const ParamRole role : {ParamRole::kPrefixK, ParamRole::kPrefixV}) {
      const MatrixView got = (*with)->runtime->params().Matrix(layer + 1, role);
      KvCache& cache = caches[static_cast<size_t>(layer)];
      const float* want =
          (role == ParamRole::kPrefixK ? cache.k : cache.v).data<float>();
      for (int64_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(got.as<float>()[i], want[i]) << layer << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace perdure
