#include "parallel/model/initialize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/nn/initial_values.h"

namespace perdure {
namespace {

TEST(InitializeTest, NoiseIsNormal) {
  const PhiloxKey key = MakeKey(1, NoiseStream::kInit, 2);
  constexpr int64_t kCount = 200000;
  double sum = 0, squares = 0, fourth = 0, neighbours = 0;
  float last = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    const float z = InitialNoise(key, i);
    sum += z;
    squares += z * z;
    fourth += std::pow(z, 4);
    neighbours += z * last;
    last = z;
  }
  // Five standard errors each.
  EXPECT_NEAR(sum / kCount, 0, 5 / std::sqrt(kCount));
  EXPECT_NEAR(squares / kCount, 1, 5 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(fourth / kCount, 3, 5 * std::sqrt(96.0 / kCount));
  EXPECT_NEAR(neighbours / kCount, 0, 5 / std::sqrt(kCount));
}

// Two ranks of tensor parallelism hold what one rank holds at those places.
TEST(InitializeTest, ShardsAreSlicesOfTheWholeAndThreadsDoNotMatter) {
  ModelConfig model;
  model.set_family("gpt2");
  model.set_vocab_size(67);
  model.set_context(16);
  model.set_layers(1);
  model.set_heads(2);
  model.set_kv_heads(2);
  model.set_hidden(130);
  model.set_head_dim(65);
  model.set_ffn_hidden(521);
  model.set_tie_embeddings(true);
  model.set_init_std(0.5);
  model.mutable_lora()->set_rank(3);
  model.mutable_lora()->add_targets("*");
  const ParamLayout whole(model, Topology(), {});
  std::vector<float> all(static_cast<size_t>(whole.size()));
  ParamStore store(&whole, DType::kF32, all.data(), nullptr, nullptr);
  const auto device = MakeCpuDevice(1);
  InitializeParams(device->stream(), 9, &store);

  TopologyConfig config;
  config.set_tp(2);
  const Topology topology = *Topology::Create(config, 2);
  const auto threads = MakeCpuDevice(3);
  for (int rank = 0; rank < 2; ++rank) {
    const ParamLayout shard(model, topology, topology.CoordinatesOf(rank));
    std::vector<float> mine(static_cast<size_t>(shard.size()));
    ParamStore part(&shard, DType::kF32, mine.data(), nullptr, nullptr);
    InitializeParams(threads->stream(), 9, &part);
    for (size_t i = 0; i < shard.slots().size(); ++i) {
      const ParamSlot& slot = shard.slots()[i];
      const float* full = static_cast<float*>(store.SlotData(whole.slots()[i]));
      const float* local = static_cast<float*>(part.SlotData(slot));
      for (const ShardRun& run : ShardRuns(slot.spec, 2, rank)) {
        for (int64_t j = 0; j < run.length; ++j) {
          ASSERT_EQ(local[run.local_offset + j], full[run.global_offset + j])
              << slot.spec.name;
        }
      }
    }
  }
}

// As torch.nn.init.kaiming_uniform_(a=sqrt(5)): uniform within 1 / sqrt(in).
TEST(InitializeTest, LowRankAdaptersStartAsPefts) {
  ModelConfig model;
  model.set_family("llama");
  model.set_vocab_size(8);
  model.set_context(8);
  model.set_layers(1);
  model.set_heads(4);
  model.set_kv_heads(4);
  model.set_hidden(400);
  model.set_head_dim(100);
  model.set_ffn_hidden(8);
  model.mutable_lora()->set_rank(256);
  model.mutable_lora()->add_targets("q_proj");
  const ParamLayout layout(model, Topology(), {});
  std::vector<float> all(static_cast<size_t>(layout.size()));
  ParamStore store(&layout, DType::kF32, all.data(), nullptr, nullptr);
  InitializeParams(MakeCpuDevice(1)->stream(), 9, &store);
  const MatrixView a = store.Matrix(1, ParamRole::kQLoraA);
  const MatrixView b = store.Matrix(1, ParamRole::kQLoraB);
  double sum = 0, squares = 0, largest = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    const double x = a.as<float>()[i];
    sum += x;
    squares += x * x;
    largest = std::max(largest, std::abs(x));
  }
  const double n = static_cast<double>(a.size()), bound = 1 / std::sqrt(400.0);
  EXPECT_LE(largest, bound * (1 + 1e-6));
  EXPECT_GT(largest, bound * 0.999);
  // Five standard errors each.
  EXPECT_NEAR(sum / n, 0, 5 * bound / std::sqrt(3 * n));
  EXPECT_NEAR(squares / n, bound * bound / 3,
              5 * bound * bound * std::sqrt(4.0 / 45 / n));
  for (int64_t i = 0; i < b.size(); ++i) ASSERT_EQ(b.as<float>()[i], 0);
}

}  // namespace
}  // namespace perdure
