// With backup probes whoever is done computes what others are late with: the
// losses and weights keep every bit.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/parallel/engine/tiny_run.h"

namespace perdure {
namespace {

constexpr int kSteps = 8;

TinyRun Train(std::vector<std::string> settings, int ranks,
              const PrepareStep& prepare = nullptr) {
  for (const char* setting :
       {"train.method=ZEROTH_ORDER", "zeroth_order.directions=2",
        "optim.lr=2e-3", "optim.weight_decay=0.01"}) {
    settings.insert(settings.begin(), setting);
  }
  return TrainTiny(TinyConfig("gpt2", settings), ranks, kSteps,
                   &BestZerothOrderKernels(), prepare);
}

const Mesh kMeshes[] = {
    {"Dp3", 3, {"topology.dp=3"}},
    {"Dp4", 4, {"topology.dp=4"}},  // one replica has nothing of its own to do
    {"Pertp3", 3, {"topology.pertp=3"}},
    {"Dp2Pertp2", 4, {"topology.dp=2", "topology.pertp=2"}},
};

std::vector<std::string> WithBackups(const Mesh& mesh) {
  std::vector<std::string> settings = mesh.overrides;
  settings.push_back("resilience.backup_probes=true");
  return settings;
}

TEST(BackupProbesTest, EveryTopologyHasTheBitsOfOneRank) {
  const TinyRun one = Train({}, 1);
  for (const Mesh& mesh : kMeshes) {
    SCOPED_TRACE(mesh.name);
    ExpectEqualBits(one, Train(WithBackups(mesh), mesh.ranks));
  }
}

TEST(BackupProbesTest, ASlowRankChangesNoBitAndDropsItsWork) {
  const TinyRun one = Train({}, 1);
  for (const Mesh& mesh : kMeshes) {
    for (const int slow : {0, 1}) {
      SCOPED_TRACE(absl::StrCat(mesh.name, ", rank ", slow, " is slow"));
      const TinyRun run = Train(WithBackups(mesh), mesh.ranks, SlowRank(slow));
      ExpectEqualBits(one, run);
      const auto blocks = [&](int r) {
        return run.traffic[static_cast<size_t>(r)].blocks;
      };
      EXPECT_LT(blocks(slow), blocks(1 - slow) / 2);
    }
  }
}

TEST(BackupProbesTest, OneSidedEstimatesAndBf16KeepTheirBits) {
  const std::vector<std::vector<std::string>> variants = {
      {"zeroth_order.estimator=ONE_SIDED", "zeroth_order.directions=3"},
      {"train.dtype=BF16", "resilience.backup_pieces=1"},
      {"model.lora.rank=3"}};
  for (std::vector<std::string> variant : variants) {
    SCOPED_TRACE(variant.front());
    const TinyRun one = Train(variant, 1);
    for (const std::string& setting : WithBackups(kMeshes[0])) {
      variant.push_back(setting);
    }
    ExpectEqualBits(one, Train(variant, kMeshes[0].ranks, SlowRank(2)));
  }
}

// Shares and coordinator may change from step to step.
TEST(BackupProbesTest, OtherSharesChangeNoBit) {
  const TinyRun one = Train({}, 1);
  const auto reshare = [](TrainEngine* engine, int, int step) {
    const std::vector<int64_t> counts[] = {{1, 1, 1}, {0, 3, 0}, {2, 0, 1}};
    engine->SetShares(counts[step % 3]);
    engine->SetSpeeds(step % 2, {1, 0.25 * (step % 5 + 1), 1});
  };
  ExpectEqualBits(one, Train(kMeshes[0].overrides, 3, reshare));
  ExpectEqualBits(one, Train(WithBackups(kMeshes[0]), 3, reshare));
}

}  // namespace
}  // namespace perdure
