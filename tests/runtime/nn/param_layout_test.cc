#include "runtime/nn/param_layout.h"

#include <map>
#include <set>

#include "gtest/gtest.h"
#include "tests/runtime/nn/test_models.h"

namespace perdure {
namespace {

Topology Mesh(int pp, int tp) {
  TopologyConfig config;
  config.set_pp(pp);
  config.set_tp(tp);
  const auto topology = Topology::Create(config, pp * tp);
  EXPECT_TRUE(topology.ok()) << topology.status();
  return *topology;
}

// Calls f(layout) for every rank of the mesh.
template <typename F>
void ForEachRank(const ModelConfig& model, const Topology& mesh, F f) {
  for (int rank = 0; rank < mesh.ranks(); ++rank) {
    f(ParamLayout(model, mesh, mesh.CoordinatesOf(rank)));
  }
}

TEST(ParamLayoutTest, SlotsAreAlignedOrFusedAndNeverOverlap) {
  for (const ModelConfig& model : UnevenModels()) {
    for (int pp = 1; pp <= 5; ++pp) {
      for (int tp = 1; tp <= 5; ++tp) {
        ForEachRank(model, Mesh(pp, tp), [](const ParamLayout& layout) {
          int64_t end = 0;
          for (const ParamSlot& slot : layout.slots()) {
            if (slot.spec.fused_with_previous) {
              EXPECT_EQ(slot.offset, end) << slot.spec.name;
            } else {
              EXPECT_EQ(slot.offset % ParamLayout::kAlignment, 0);
              EXPECT_GE(slot.offset, end) << slot.spec.name;
              EXPECT_LT(slot.offset, end + ParamLayout::kAlignment);
            }
            int64_t size = 1;
            for (const int64_t extent : slot.shape) size *= extent;
            EXPECT_EQ(slot.size, size);
            end = slot.offset + slot.size;
          }
          EXPECT_GE(layout.size(), end);
          EXPECT_LT(layout.size(), end + ParamLayout::kAlignment);
          EXPECT_EQ(layout.size() % ParamLayout::kAlignment, 0);
        });
      }
    }
  }
}

TEST(ParamLayoutTest, OwnedSlotsOfAllRanksCoverTheModelOnce) {
  for (const ModelConfig& model : UnevenModels()) {
    for (int pp = 1; pp <= 3; ++pp) {
      for (int tp = 1; tp <= 3; ++tp) {
        std::map<std::string, std::vector<int>> times;
        ForEachRank(model, Mesh(pp, tp), [&](const ParamLayout& layout) {
          for (const ParamSlot& slot : layout.slots()) {
            if (slot.is_copy) continue;
            std::vector<int>& count = times[slot.spec.name];
            count.resize(slot.spec.size());
            for (const ShardRun& run :
                 ShardRuns(slot.spec, layout.tp(), layout.tp_rank())) {
              for (int64_t i = 0; i < run.length; ++i) {
                ++count[run.global_offset + i];
              }
            }
          }
        });
        int64_t elements = 0;
        for (const ParamSpec& spec : ModelParams(model)) {
          if (!spec.alias_of.empty()) continue;
          const int expected = spec.split_dim < 0 ? tp : 1;
          EXPECT_EQ(times[spec.name], std::vector<int>(spec.size(), expected))
              << spec.name;
          elements += spec.size();
        }
        int64_t covered = 0;
        for (const auto& [name, count] : times) covered += count.size();
        EXPECT_EQ(covered, elements);
      }
    }
  }
}

TEST(ParamLayoutTest, TiedHeadOnOneStageIsTheEmbeddingItself) {
  const ModelConfig model = SomeModel("gpt2", {65, 7, 4, 5, 10});
  const ParamLayout layout(model, Mesh(1, 2), RankCoordinates{.tp = 1});
  const ParamSlot* head = layout.Find(5, ParamRole::kHeadWeight);
  ASSERT_NE(head, nullptr);
  EXPECT_EQ(head, layout.Find(0, ParamRole::kTokenEmbedding));
  EXPECT_EQ(head->spec.name, "transformer.wte.weight");
  EXPECT_FALSE(head->is_copy);
  EXPECT_EQ(layout.Find(4, ParamRole::kHeadWeight), nullptr);
  EXPECT_EQ(layout.tp(), 2);
  EXPECT_EQ(layout.tp_rank(), 1);
}

TEST(ParamLayoutTest, TiedHeadOnAnotherStageIsACopy) {
  const ModelConfig model = SomeModel("gpt2", {65, 7, 4, 5, 10});
  const ParamLayout first(model, Mesh(2, 1), RankCoordinates{});
  const ParamLayout last(model, Mesh(2, 1), RankCoordinates{.pp = 1});
  EXPECT_EQ(first.Find(5, ParamRole::kHeadWeight), nullptr);
  ASSERT_NE(first.Find(0, ParamRole::kTokenEmbedding), nullptr);
  EXPECT_FALSE(first.Find(0, ParamRole::kTokenEmbedding)->is_copy);
  const ParamSlot* head = last.Find(5, ParamRole::kHeadWeight);
  ASSERT_NE(head, nullptr);
  EXPECT_TRUE(head->is_copy);
  EXPECT_EQ(head->spec.alias_of, "transformer.wte.weight");
  EXPECT_EQ(last.Find(0, ParamRole::kTokenEmbedding), nullptr);
}

TEST(ParamLayoutTest, UntiedHeadIsOwnedByTheLastStage) {
  const ModelConfig model = SomeModel("llama", {65, 7, 4, 5, 10});
  for (const int pp : {1, 2}) {
    const ParamLayout last(model, Mesh(pp, 1), RankCoordinates{.pp = pp - 1});
    const ParamSlot* head = last.Find(5, ParamRole::kHeadWeight);
    ASSERT_NE(head, nullptr);
    EXPECT_FALSE(head->is_copy);
    EXPECT_EQ(head->spec.name, "lm_head.weight");
  }
}

TEST(ParamLayoutTest, FusedWeightsFormOneMatrix) {
  ModelConfig model = SomeModel("llama", {65, 7, 2, 6, 24});
  model.set_kv_heads(3);
  const ParamLayout layout(model, Mesh(1, 2), RankCoordinates{});
  const ParamSlot* q = layout.Find(1, ParamRole::kQWeight);
  const ParamSlot* k = layout.Find(1, ParamRole::kKWeight);
  const ParamSlot* v = layout.Find(1, ParamRole::kVWeight);
  ASSERT_TRUE(q && k && v);
  EXPECT_EQ(k->offset, q->offset + 16 * 24);
  EXPECT_EQ(v->offset, q->offset + (16 + 8) * 24);
  const ParamSlot* gate = layout.Find(1, ParamRole::kGateWeight);
  const ParamSlot* up = layout.Find(1, ParamRole::kUpWeight);
  ASSERT_TRUE(gate && up);
  EXPECT_EQ(up->offset, gate->offset + 48 * 24);
  EXPECT_EQ(layout.Find(1, ParamRole::kQBias), nullptr);
}

TEST(ParamLayoutTest, OnlyWhatIsTrainedHasGradients) {
  ModelConfig model = SomeModel("opt", {65, 7, 2, 4, 16});
  model.add_trainable("*.v_proj.weight");
  model.add_trainable("*.fc1.bias");
  const ParamLayout layout(model, Mesh(1, 1), {});
  int64_t end = 0;
  for (const ParamSlot& slot : layout.slots()) {
    // q, k and v are one product, and have one gradient.
    const bool wanted = slot.spec.name.find("_proj.weight") != std::string::npos
                            ? slot.spec.name.find("out_") == std::string::npos
                            : slot.spec.name.ends_with("fc1.bias");
    EXPECT_EQ(slot.gradient_offset >= 0, wanted) << slot.spec.name;
    if (!wanted) continue;
    EXPECT_GE(slot.gradient_offset, end);
    end = slot.gradient_offset + slot.size;
  }
  EXPECT_GE(layout.gradient_size(), end);
  EXPECT_LT(layout.gradient_size(), end + ParamLayout::kAlignment);
}

}  // namespace
}  // namespace perdure
