#include "checkpoint/convert/lora_export.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "checkpoint/format/safetensors.h"
#include "checkpoint/snapshot/names.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "runtime/config/config.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

constexpr int64_t kBlockElements = int64_t{1} << 20;

using SpecsByName = std::map<std::string, ParamSpec>;

SpecsByName SpecsOf(const ModelConfig& model) {
  SpecsByName specs;
  for (ParamSpec& spec : ModelParams(model)) {
    if (spec.alias_of.empty()) specs.emplace(spec.name, std::move(spec));
  }
  return specs;
}

// GPT-2's Conv1D: matrices are [in, out].
bool StoresInOut(const ModelConfig& model) { return model.family() == "gpt2"; }

// A linear layer's name from its weight's.
std::string LayerOf(const std::string& weight) {
  return std::string(absl::StripSuffix(weight, ".weight"));
}

// Elements [begin, end) of a tensor, converted.
absl::Status ReadElements(SnapshotReader& snapshot, const ParamSpec& spec,
                          DType dtype, Range elements, void* data) {
  StateRequest request{spec.name, StateKind::kWeight, dtype, spec.shape, {},
                       data};
  request.runs.push_back({elements.begin, 0, elements.size()});
  return snapshot.Read({std::move(request)});
}

absl::StatusOr<std::vector<float>> ReadWhole(SnapshotReader& snapshot,
                                             const ParamSpec& spec) {
  std::vector<float> values(static_cast<size_t>(spec.size()));
  RETURN_IF_ERROR(ReadElements(snapshot, spec, DType::kF32, {0, spec.size()},
                               values.data()));
  return values;
}

// w += scale B A (transposed: w is [in, out]). A [r, in], B [out, r].
void AddProduct(const ParamSpec& a_spec, const std::vector<float>& a,
                const std::vector<float>& b, float scale, bool transposed,
                std::vector<float>* w) {
  const int64_t rank = a_spec.shape[0], in = a_spec.shape[1];
  const int64_t out = static_cast<int64_t>(b.size()) / rank;
  std::vector<float> row(static_cast<size_t>(in));
  for (int64_t o = 0; o < out; ++o) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (int64_t k = 0; k < rank; ++k) {
      const float factor = b[static_cast<size_t>(o * rank + k)];
      for (int64_t i = 0; i < in; ++i) row[i] += factor * a[k * in + i];
    }
    for (int64_t i = 0; i < in; ++i) {
      (*w)[transposed ? i * out + o : o * in + i] += scale * row[i];
    }
  }
}

// A file of whole tensors.
struct OutputTensor {
  TensorShape stored;
  const ParamSpec* source;
};

class TensorWriter {
 public:
  TensorWriter(SnapshotReader& snapshot, const SpecsByName& specs)
      : snapshot_(snapshot),
        specs_(specs),
        model_(snapshot.model()),
        transposed_(StoresInOut(model_)) {}

  absl::Status Write(Storage& storage, const std::string& path,
                     const std::vector<OutputTensor>& tensors) const {
    std::vector<TensorShape> shapes;
    for (const OutputTensor& tensor : tensors) shapes.push_back(tensor.stored);
    const SafetensorsLayout layout = LayOutSafetensors(shapes);
    ASSIGN_OR_RETURN(const std::unique_ptr<StorageFile> file,
                     storage.Create(path));
    RETURN_IF_ERROR(file->Allocate(layout.file_bytes));
    RETURN_IF_ERROR(
        file->WriteAt(0, layout.header.data(), layout.header.size()));
    for (size_t i = 0; i < tensors.size(); ++i) {
      RETURN_IF_ERROR(IsAdapted(*tensors[i].source)
                          ? WriteMerged(tensors[i], layout.offsets[i], *file)
                          : Copy(tensors[i], layout.offsets[i], *file));
    }
    RETURN_IF_ERROR(file->Sync());
    return file->Close();
  }

  bool IsAdapted(const ParamSpec& spec) const {
    return LoraRolesOf(spec.role).has_value() &&
           IsLoraTarget(model_, LayerOf(spec.name));
  }

 private:
  absl::Status Copy(const OutputTensor& tensor, uint64_t offset,
                    StorageFile& file) const {
    const int64_t element = SizeOf(tensor.stored.dtype);
    std::vector<char> block(static_cast<size_t>(
        std::min(kBlockElements, tensor.stored.elements()) * element));
    for (int64_t at = 0; at < tensor.stored.elements(); at += kBlockElements) {
      const Range part{at,
                       std::min(at + kBlockElements, tensor.stored.elements())};
      RETURN_IF_ERROR(ReadElements(snapshot_, *tensor.source,
                                   tensor.stored.dtype, part, block.data()));
      RETURN_IF_ERROR(file.WriteAt(offset + static_cast<uint64_t>(at * element),
                                   block.data(),
                                   static_cast<size_t>(part.size() * element)));
    }
    return absl::OkStatus();
  }

  absl::Status WriteMerged(const OutputTensor& tensor, uint64_t offset,
                           StorageFile& file) const {
    const std::string layer = LayerOf(tensor.source->name);
    const ParamSpec& a_spec = specs_.at(layer + ".lora_A.weight");
    const ParamSpec& b_spec = specs_.at(layer + ".lora_B.weight");
    ASSIGN_OR_RETURN(std::vector<float> w,
                     ReadWhole(snapshot_, *tensor.source));
    ASSIGN_OR_RETURN(const std::vector<float> a, ReadWhole(snapshot_, a_spec));
    ASSIGN_OR_RETURN(const std::vector<float> b, ReadWhole(snapshot_, b_spec));
    const LoraConfig& lora = model_.lora();
    AddProduct(a_spec, a, b, static_cast<float>(lora.alpha() / lora.rank()),
               transposed_, &w);
    std::vector<char> bytes(tensor.stored.bytes());
    ConvertElements(DType::kF32, w.data(), tensor.stored.dtype, bytes.data(),
                    tensor.stored.elements());
    return file.WriteAt(offset, bytes.data(), bytes.size());
  }

  SnapshotReader& snapshot_;
  const SpecsByName& specs_;
  const ModelConfig& model_;
  const bool transposed_;
};

// As stored in the snapshot, under `name`.
OutputTensor OutputOf(const SnapshotReader& snapshot, const ParamSpec& spec,
                      std::string name) {
  const StoredTensor* stored =
      snapshot.index().Find(StateKind::kWeight, spec.name);
  return {{std::move(name), stored->dtype, spec.shape}, &spec};
}

// PEFT takes plain names as we do; patterns are written out.
std::vector<std::string> PeftTargets(const TensorWriter& writer,
                                     const ModelConfig& model,
                                     const SpecsByName& specs) {
  const auto& targets = model.lora().targets();
  const bool plain = std::none_of(
      targets.begin(), targets.end(), [](const std::string& target) {
        return absl::StrContains(target, "*") || absl::StrContains(target, "?");
      });
  if (plain) return {targets.begin(), targets.end()};
  std::vector<std::string> layers;
  for (const auto& [name, spec] : specs) {
    if (writer.IsAdapted(spec)) layers.push_back(LayerOf(name));
  }
  return layers;
}

// What the run started from; "" where it does not say.
std::string BaseModelOf(const SnapshotReader& snapshot) {
  const absl::StatusOr<RunConfig> config =
      ParseConfig(snapshot.run().config_text, "the snapshot's config");
  return config.ok() ? config->model().init_from() : "";
}

absl::Status CheckOnlyAdaptersTrained(const SpecsByName& specs) {
  for (const auto& [name, spec] : specs) {
    if (IsAdapter(spec.role) || !spec.trainable) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        name,
        " and perhaps others were trained beside the low-rank adapters, "
        "and an adapter file cannot hold them; export with --merge_lora"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteMergedWeights(SnapshotReader& snapshot, Storage& storage,
                                const std::string& directory) {
  const SpecsByName specs = SpecsOf(snapshot.model());
  std::vector<OutputTensor> tensors;
  for (const auto& [name, spec] : specs) {
    if (!IsAdapter(spec.role)) {
      tensors.push_back(OutputOf(snapshot, spec, name));
    }
  }
  return TensorWriter(snapshot, specs)
      .Write(storage, JoinPath(directory, kWeightsName), tensors);
}

absl::Status WritePeftAdapter(SnapshotReader& snapshot, Storage& storage,
                              const std::string& directory) {
  const ModelConfig& model = snapshot.model();
  const SpecsByName specs = SpecsOf(model);
  RETURN_IF_ERROR(CheckOnlyAdaptersTrained(specs));
  std::vector<OutputTensor> tensors;
  for (const auto& [name, spec] : specs) {
    if (!IsAdapter(spec.role)) continue;
    tensors.push_back(
        OutputOf(snapshot, spec, absl::StrCat("base_model.model.", name)));
  }
  const TensorWriter writer(snapshot, specs);
  RETURN_IF_ERROR(writer.Write(
      storage, JoinPath(directory, "adapter_model.safetensors"), tensors));
  nlohmann::ordered_json json;
  json["peft_type"] = "LORA";
  json["task_type"] = "CAUSAL_LM";
  json["base_model_name_or_path"] = BaseModelOf(snapshot);
  json["r"] = model.lora().rank();
  json["lora_alpha"] = model.lora().alpha();
  json["lora_dropout"] = 0.0;
  json["target_modules"] = PeftTargets(writer, model, specs);
  json["bias"] = "none";
  json["fan_in_fan_out"] = StoresInOut(model);
  json["inference_mode"] = true;
  return WriteNewFile(storage, JoinPath(directory, "adapter_config.json"),
                      json.dump(2) + "\n");
}

}  // namespace perdure
