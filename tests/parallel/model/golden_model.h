#ifndef PERDURE_TESTS_PARALLEL_MODEL_GOLDEN_MODEL_H_
#define PERDURE_TESTS_PARALLEL_MODEL_GOLDEN_MODEL_H_

// A model of tests/goldens with what PyTorch computed for it, and this rank's
// part of the same model.

#include <memory>
#include <string>
#include <vector>

#include "parallel/engine/model_runtime.h"
#include "runtime/config/topology.pb.h"
#include "tests/support/golden_file.h"

namespace perdure {

struct GoldenModel {
  // A folder's name ("gpt2_tied"), or that with what is added to the model:
  // "_lora", "_prefix" or "_lora_all" (where all else is trained too).
  explicit GoldenModel(const std::string& name);

  const GoldenTensor& weight(const std::string& name) const;

  ModelConfig config;
  GoldenFile weights;
  GoldenFile golden;  // adapters: with their own weights
};

// Sequences [first, first + count) of the tensors `ids` ([B, T]) and `targets`
// ("": targets do not matter). Positions count from 0.
Batch GoldenBatch(const GoldenFile& golden, const std::string& ids,
                  const std::string& targets, Range sequences);

// One rank of a topology, with the golden weights.
struct GoldenRank {
  ProcessGroups groups;
  std::unique_ptr<Device> device;
  std::unique_ptr<ModelRuntime> runtime;
};

// Collective over `world`, which has all ranks of `topology`.
absl::StatusOr<std::unique_ptr<GoldenRank>> MakeGoldenRank(
    const GoldenModel& model, const TopologyConfig& topology,
    const ModelRuntimeOptions& options, Communicator& world);

// This rank's elements of a whole tensor.
std::vector<float> ShardOf(const ModelRuntime& runtime, const ParamSlot& slot,
                           const std::vector<float>& whole);

}  // namespace perdure

#endif  // PERDURE_TESTS_PARALLEL_MODEL_GOLDEN_MODEL_H_
