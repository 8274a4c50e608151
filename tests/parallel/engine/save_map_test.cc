// Who saves what: everything once, and every writer about the same.

#include "parallel/engine/save_map.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/plan.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

struct Case {
  const char* name;
  int pp, dp, pertp, tp;
  bool zero;
  // The largest load over the mean, among the ranks of each stage.
  double balance;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

ModelConfig Model(bool gpt2) {
  ModelConfig model;
  model.set_family(gpt2 ? "gpt2" : "llama");
  model.set_vocab_size(1009);  // prime
  model.set_context(64);
  model.set_layers(5);
  model.set_heads(6);
  model.set_kv_heads(gpt2 ? 6 : 3);
  model.set_hidden(96);
  model.set_ffn_hidden(251);
  model.set_head_dim(16);
  model.set_tie_embeddings(gpt2);
  model.set_activation(gpt2 ? "gelu_new" : "silu");
  return model;
}

StateOutline Outline(const Case& c) {
  StateOutline outline;
  outline.matrix_dtype = DType::kBF16;
  outline.optimizer_parts = c.zero ? c.dp : 1;
  outline.optimizer_kinds = [](const ParamSlot& slot) {
    std::vector<StateKind> kinds = {StateKind::kMoment1, StateKind::kMoment2};
    if (slot.spec.is_matrix()) kinds.push_back(StateKind::kMaster);
    return kinds;
  };
  return outline;
}

Topology Mesh(const Case& c) {
  TopologyConfig config;
  config.set_pp(c.pp);
  config.set_dp(c.dp);
  config.set_pertp(c.pertp);
  config.set_tp(c.tp);
  return Topology::Create(config, c.pp * c.dp * c.pertp * c.tp).value();
}

class SaveMapTest : public testing::TestWithParam<std::tuple<Case, bool>> {};

TEST_P(SaveMapTest, CoversEveryElementOnce) {
  const auto& [c, gpt2] = GetParam();
  const StateMap map = MakeSaveMap(Model(gpt2), Mesh(c), Outline(c));
  EXPECT_TRUE(std::is_sorted(map.tensors.begin(), map.tensors.end()));
  const absl::StatusOr<SnapshotPlan> plan = MakePlan(map, Model(gpt2));
  EXPECT_TRUE(plan.ok()) << plan.status();
}

TEST_P(SaveMapTest, WritersOfAStageAreEvenlyLoaded) {
  const auto& [c, gpt2] = GetParam();
  const Topology mesh = Mesh(c);
  const StateMap map = MakeSaveMap(Model(gpt2), mesh, Outline(c));
  for (int stage = 0; stage < c.pp; ++stage) {
    double sum = 0, largest = 0;
    int ranks = 0;
    for (int rank = 0; rank < mesh.ranks(); ++rank) {
      if (mesh.CoordinatesOf(rank).pp != stage) continue;
      double bytes = 0;
      for (const StateRange& range : map.ranges[rank]) {
        bytes += static_cast<double>((range.end - range.begin) *
                                     SizeOf(map.tensors[range.tensor].dtype));
      }
      sum += bytes;
      largest = std::max(largest, bytes);
      ++ranks;
    }
    EXPECT_LE(largest / (sum / ranks), c.balance) << "stage " << stage;
  }
}

TEST_P(SaveMapTest, AllRanksOfARunComeToTheSameMap) {
  const auto& [c, gpt2] = GetParam();
  EXPECT_EQ(HashMap(MakeSaveMap(Model(gpt2), Mesh(c), Outline(c))),
            HashMap(MakeSaveMap(Model(gpt2), Mesh(c), Outline(c))));
}

// What is not replicated cannot be moved: with ZeRO a rank that has the larger
// share of an uneven cut stays a little ahead.
INSTANTIATE_TEST_SUITE_P(
    Meshes, SaveMapTest,
    testing::Combine(
        testing::Values(Case{"one", 1, 1, 1, 1, false, 1.0},
                        Case{"dp4", 1, 4, 1, 1, false, 1.05},
                        Case{"dp7", 1, 7, 1, 1, false, 1.05},
                        Case{"dp64", 1, 64, 1, 1, false, 1.05},
                        Case{"dp7_zero", 1, 7, 1, 1, true, 1.05},
                        Case{"tp3", 1, 1, 1, 3, false, 1.05},
                        Case{"tp3_dp3", 1, 3, 1, 3, false, 1.05},
                        Case{"tp3_dp5_zero", 1, 5, 1, 3, true, 1.05},
                        Case{"pp2_dp3", 2, 3, 1, 1, false, 1.05},
                        Case{"pp3_dp2_tp2", 3, 2, 1, 2, false, 1.05},
                        Case{"pp2_dp2_tp2_zero", 2, 2, 1, 2, true, 1.05},
                        Case{"dp2_pertp3", 1, 2, 3, 1, false, 1.05}),
        testing::Bool()),
    [](const auto& info) {
      return absl::StrCat(std::get<0>(info.param).name,
                          std::get<1>(info.param) ? "_gpt2" : "_llama");
    });

TEST(SaveMapTest, ATiedHeadOfAnotherStageIsSavedOnce) {
  const Case c{"pp2", 2, 1, 1, 1, false, 1.0};
  const StateMap map = MakeSaveMap(Model(true), Mesh(c), Outline(c));
  std::set<std::pair<StateKind, std::string>> names;
  for (const StateTensor& tensor : map.tensors) {
    EXPECT_TRUE(names.emplace(tensor.kind, tensor.name).second) << tensor.name;
    EXPECT_NE(tensor.name, "lm_head.weight");
  }
}

TEST(SaveMapTest, WritersWriteLongRuns) {
  const Case c{"dp8", 1, 8, 1, 1, false, 1.0};
  const StateMap map = MakeSaveMap(Model(false), Mesh(c), Outline(c));
  for (const std::vector<StateRange>& ranges : map.ranges) {
    // A line is cut once between two holders: whole tensors but for two ends
    // for each of the line's kinds of holders.
    size_t parts = 0;
    for (const StateRange& range : ranges) {
      const int64_t elements = map.tensors[range.tensor].elements();
      if (range.end - range.begin < elements) ++parts;
    }
    EXPECT_LE(parts, 2u);
  }
}

}  // namespace
}  // namespace perdure
