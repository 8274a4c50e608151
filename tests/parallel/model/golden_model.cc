#include "tests/parallel/model/golden_model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "glog/logging.h"
#include "runtime/base/file.h"
#include "runtime/nn/hf_config.h"

namespace perdure {
namespace {

// Those of tests/peers/adapter_goldens.py.
std::vector<std::string> TargetsOf(absl::string_view folder) {
  if (folder == "gpt2_tied") return {"c_attn", "c_proj", "c_fc"};
  if (folder == "opt_tied") {
    return {"q_proj", "v_proj", "out_proj", "fc1", "fc2"};
  }
  if (folder == "llama_tied") return {"v_proj", "up_proj"};
  return {"*.self_attn.?_proj", "*.mlp.*"};
}

struct GoldenName {
  std::string folder;
  std::string adapter;  // "lora", "lora_all", "prefix" or ""
};
GoldenName ParseName(const std::string& name) {
  for (const char* adapter : {"lora", "lora_all", "prefix"}) {
    absl::string_view folder = name;
    if (absl::ConsumeSuffix(&folder, absl::StrCat("_", adapter))) {
      return {std::string(folder), adapter};
    }
  }
  return {name, ""};
}

std::string GoldenFileOf(const std::string& name) {
  return ParseName(name).adapter.empty()
             ? absl::StrCat(name, "/golden.safetensors")
             : absl::StrCat("adapters/", name, ".safetensors");
}

ModelConfig ReadModelConfig(const std::string& full_name) {
  const auto [name, adapter] = ParseName(full_name);
  const auto json = ReadFile(GoldenPath(name + "/config.json"));
  CHECK(json.ok()) << json.status();
  auto config = ModelConfigFromHf(*json);
  CHECK(config.ok()) << config.status();
  if (adapter.starts_with("lora")) {
    config->mutable_lora()->set_rank(3);
    config->mutable_lora()->set_alpha(5);
    for (const std::string& target : TargetsOf(name)) {
      config->mutable_lora()->add_targets(target);
    }
  }
  if (adapter == "lora_all") config->add_trainable("*");
  if (adapter == "prefix") config->mutable_prefix()->set_tokens(4);
  return *std::move(config);
}

}  // namespace

GoldenModel::GoldenModel(const std::string& name)
    : config(ReadModelConfig(name)),
      weights(ParseName(name).folder + "/model.safetensors"),
      golden(GoldenFileOf(name)) {}

const GoldenTensor& GoldenModel::weight(const std::string& name) const {
  const std::string own = absl::StrCat("weight.", name);
  return golden.Has(own) ? golden.at(own) : weights.at(name);
}

Batch GoldenBatch(const GoldenFile& golden, const std::string& ids,
                  const std::string& targets, Range sequences) {
  const GoldenTensor& all = golden.at(ids);
  Batch batch;
  batch.batch = sequences.size();
  batch.tokens = all.shape[1];
  const int64_t begin = sequences.begin * batch.tokens;
  const int64_t end = sequences.end * batch.tokens;
  batch.ids.assign(all.ids.begin() + begin, all.ids.begin() + end);
  batch.targets.assign(batch.ids.size(), 0);
  if (!targets.empty()) {
    const std::vector<int32_t>& source = golden.at(targets).ids;
    batch.targets.assign(source.begin() + begin, source.begin() + end);
  }
  batch.weights.assign(batch.ids.size(), 1.0f);
  for (int64_t s = sequences.begin; s < sequences.end; ++s) {
    batch.sequence.push_back(s);
    for (int64_t t = 0; t < batch.tokens; ++t) {
      batch.positions.push_back(static_cast<int32_t>(t));
    }
  }
  return batch;
}

absl::StatusOr<std::unique_ptr<GoldenRank>> MakeGoldenRank(
    const GoldenModel& model, const TopologyConfig& topology,
    const ModelRuntimeOptions& options, Communicator& world) {
  auto rank = std::make_unique<GoldenRank>();
  ASSIGN_OR_RETURN(const Topology mesh,
                   Topology::Create(topology, world.size()));
  ASSIGN_OR_RETURN(rank->groups, MakeProcessGroups(world, mesh));
  rank->device = MakeCpuDevice(1);
  ASSIGN_OR_RETURN(rank->runtime,
                   ModelRuntime::Create(model.config, options, &rank->groups,
                                        rank->device.get(), nullptr));
  for (const StateRequest& request : rank->runtime->WeightRequests()) {
    const std::vector<float>& whole = model.weight(request.tensor).values;
    CHECK(request.dtype == DType::kF32);
    CHECK(request.shape == model.weight(request.tensor).shape)
        << request.tensor;
    for (const ShardRun& run : request.runs) {
      std::memcpy(static_cast<float*>(request.base) + run.local_offset,
                  whole.data() + run.global_offset,
                  static_cast<size_t>(run.length) * sizeof(float));
    }
  }
  return rank;
}

std::vector<float> ShardOf(const ModelRuntime& runtime, const ParamSlot& slot,
                           const std::vector<float>& whole) {
  std::vector<float> shard(static_cast<size_t>(slot.size));
  const ParamLayout& layout = runtime.layout();
  for (const ShardRun& run :
       ShardRuns(slot.spec, layout.tp(), layout.tp_rank())) {
    std::copy_n(whole.begin() + run.global_offset, run.length,
                shard.begin() + run.local_offset);
  }
  return shard;
}

}  // namespace perdure
