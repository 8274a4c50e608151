// Columns of tensors reach their ranks although each rank reads whole rows.

#include "parallel/engine/column_exchange.h"

#include <numeric>

#include "gtest/gtest.h"
#include "runtime/comm/backends.h"

namespace perdure {
namespace {

ModelConfig Model(bool gpt2) {
  ModelConfig model;
  model.set_family(gpt2 ? "gpt2" : "llama");
  model.set_vocab_size(127);
  model.set_context(16);
  model.set_layers(2);
  model.set_heads(6);
  model.set_kv_heads(gpt2 ? 6 : 3);
  model.set_hidden(48);
  model.set_ffn_hidden(101);
  model.set_head_dim(8);
  model.set_tie_embeddings(gpt2);
  model.set_activation(gpt2 ? "gelu_new" : "silu");
  return model;
}

// Requests of a rank, and memory for them. Element i of a tensor is the number
// i.
class Wishes {
 public:
  explicit Wishes(const ParamLayout& layout) {
    for (const ParamSlot& slot : layout.slots()) {
      const std::vector<ShardRun> runs =
          ShardRuns(slot.spec, layout.tp(), layout.tp_rank());
      Add(slot, StateKind::kWeight, runs);
      // As where replicas share the optimizer's rows.
      const int64_t rows = slot.spec.shape[0];
      if (slot.spec.split_dim != 1 || rows < 4) continue;
      std::vector<ShardRun> some;
      for (ShardRun run : runs) {
        const int64_t row = run.global_offset / slot.spec.shape[1];
        if (row < 1 || row >= rows - 2) continue;
        if (some.empty()) skipped_ = run.local_offset;
        run.local_offset -= skipped_;
        some.push_back(run);
      }
      Add(slot, StateKind::kMoment1, some);
    }
  }

  const std::vector<StateRequest>& requests() const { return requests_; }

  // Fills what `requests` ask for.
  static void Load(const std::vector<StateRequest>& requests) {
    for (const StateRequest& request : requests) {
      float* base = static_cast<float*>(request.base);
      for (const ShardRun& run : request.runs) {
        std::iota(base + run.local_offset, base + run.local_offset + run.length,
                  static_cast<float>(run.global_offset));
      }
    }
  }

  void ExpectFilled() const {
    for (const StateRequest& request : requests_) {
      const float* base = static_cast<const float*>(request.base);
      for (const ShardRun& run : request.runs) {
        for (int64_t i = 0; i < run.length; ++i) {
          ASSERT_EQ(base[run.local_offset + i],
                    static_cast<float>(run.global_offset + i))
              << StateKindName(request.kind) << " " << request.tensor;
        }
      }
    }
  }

 private:
  void Add(const ParamSlot& slot, StateKind kind,
           const std::vector<ShardRun>& runs) {
    int64_t elements = 0;
    for (const ShardRun& run : runs) elements += run.length;
    buffers_.emplace_back(static_cast<size_t>(elements), -1.0f);
    requests_.push_back({slot.spec.name, kind, DType::kF32, slot.spec.shape,
                         runs, buffers_.back().data()});
  }

  int64_t skipped_ = 0;
  std::vector<std::vector<float>> buffers_;
  std::vector<StateRequest> requests_;
};

class ColumnExchangeTest
    : public testing::TestWithParam<std::tuple<bool, int>> {};

TEST_P(ColumnExchangeTest, EveryRankGetsItsColumnsAndReadsOneRunOfEach) {
  const auto& [gpt2, tp] = GetParam();
  const ModelConfig model = Model(gpt2);
  TopologyConfig config;
  config.set_tp(tp);
  const Topology topology = Topology::Create(config, tp).value();
  for (const absl::Status& status : RunThreadRanks(
           tp, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
             RankCoordinates me;
             me.tp = world.rank();
             const ParamLayout layout(model, topology, me);
             const Wishes wishes(layout);
             ColumnExchange exchange(world, layout, wishes.requests());
             EXPECT_EQ(exchange.requests().size(), wishes.requests().size());
             int64_t split = 0;
             for (const ParamSlot& slot : layout.slots()) {
               if (slot.spec.split_dim == 1) ++split;
             }
             EXPECT_GT(split, 0);
             for (const StateRequest& request : exchange.requests()) {
               if (request.kind == StateKind::kMoment1) {
                 EXPECT_EQ(request.runs.size(), 1u) << request.tensor;
               }
             }
             Wishes::Load(exchange.requests());
             RETURN_IF_ERROR(exchange.Finish());
             wishes.ExpectFilled();
             return absl::OkStatus();
           })) {
    EXPECT_TRUE(status.ok()) << status;
  }
}

INSTANTIATE_TEST_SUITE_P(Groups, ColumnExchangeTest,
                         testing::Combine(testing::Bool(),
                                          testing::Values(2, 3)));

// What the ranks of a group read together: every element of the split tensors
// once.
TEST(ColumnExchangeTest, RanksReadNothingTwice) {
  constexpr int kTp = 3;
  const ModelConfig model = Model(/*gpt2=*/true);
  TopologyConfig config;
  config.set_tp(kTp);
  const Topology topology = Topology::Create(config, kTp).value();
  std::vector<std::vector<StateRequest>> read(kTp);
  for (const absl::Status& status : RunThreadRanks(
           kTp, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
             RankCoordinates me;
             me.tp = world.rank();
             const ParamLayout layout(model, topology, me);
             const Wishes wishes(layout);
             const ColumnExchange exchange(world, layout, wishes.requests());
             read[static_cast<size_t>(world.rank())] = exchange.requests();
             return absl::OkStatus();
           })) {
    EXPECT_TRUE(status.ok()) << status;
  }
  int tensors = 0;
  for (size_t i = 0; i < read[0].size(); ++i) {
    if (read[0][i].kind != StateKind::kMoment1) continue;
    ++tensors;
    for (size_t rank = 1; rank < kTp; ++rank) {
      const ShardRun& before = read[rank - 1][i].runs[0];
      EXPECT_EQ(read[rank][i].runs[0].global_offset,
                before.global_offset + before.length)
          << read[rank][i].tensor;
    }
  }
  EXPECT_GT(tensors, 0);
}

}  // namespace
}  // namespace perdure
