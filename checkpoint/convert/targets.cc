#include "checkpoint/convert/targets.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/format/safetensors.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_writer.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/comm/backends.h"
#include "runtime/nn/hf_config.h"

namespace perdure {
namespace {

constexpr char kFlatName[] = "tensors";

// Whether any weight is of that dtype; 1-D ones may be fp32 beside others.
std::string TorchDtype(const std::vector<ConvertedTensor>& tensors) {
  const auto any = [&](DType dtype) {
    return std::any_of(tensors.begin(), tensors.end(), [&](const auto& tensor) {
      return tensor.kind == StateKind::kWeight &&
             tensor.tensor->dtype() == dtype;
    });
  };
  return any(DType::kBF16)  ? "bfloat16"
         : any(DType::kF16) ? "float16"
                            : "float32";
}

// The settings that came with the weights; recast, with their dtype as it is
// now.
absl::StatusOr<std::string> ConfigJson(const CanonicalSource& source,
                                       bool recast) {
  const std::string dtype = TorchDtype(source.tensors);
  if (source.config_json.empty()) return ModelConfigToHf(*source.model, dtype);
  if (!recast) return source.config_json;
  auto json = nlohmann::ordered_json::parse(source.config_json, nullptr,
                                            /*allow_exceptions=*/false);
  if (!json.is_object()) return source.config_json;
  bool changed = false;
  for (const char* key : {"torch_dtype", "dtype"}) {
    const auto found = json.find(key);
    if (found == json.end() || *found == dtype) continue;
    *found = dtype;
    changed = true;
  }
  return changed ? json.dump(2) + "\n" : source.config_json;
}

absl::Status CheckSpace(ResumableStorage& storage, const std::string& parent,
                        uint64_t bytes) {
  ASSIGN_OR_RETURN(const uint64_t free, storage.FreeBytes(parent));
  if (free >= bytes) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(parent, ": ", HumanBytes(bytes),
                                         " are to be written, ",
                                         HumanBytes(free), " are free"));
}

// Header and tensors of one file, synced.
struct FilePlan {
  std::string path;
  std::string header;
  std::vector<std::pair<StatePiece, uint64_t>> tensors;  // with their offsets
  uint64_t bytes = 0;
};

absl::Status WriteTensorFile(const FilePlan& plan, ResumableStorage& storage,
                             TensorPieces& pieces) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StorageFile> file,
                   storage.Create(plan.path));
  RETURN_IF_ERROR(file->Allocate(plan.bytes));
  RETURN_IF_ERROR(file->WriteAt(0, plan.header.data(), plan.header.size()));
  for (const auto& [piece, offset] : plan.tensors) {
    const uint64_t bytes =
        static_cast<uint64_t>(piece.end * SizeOf(piece.dtype));
    for (uint64_t at = 0; at < bytes; at += kBlockBytes) {
      const size_t size = std::min(kBlockBytes, bytes - at);
      ASSIGN_OR_RETURN(const void* data, pieces.Bytes(piece, at, size));
      RETURN_IF_ERROR(file->WriteAt(offset + at, data, size));
    }
  }
  RETURN_IF_ERROR(pieces.Finish());
  RETURN_IF_ERROR(file->Sync());
  return file->Close();
}

void SortByOffset(FilePlan* plan) {
  std::sort(plan->tensors.begin(), plan->tensors.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
}

}  // namespace

absl::Status WriteSnapshotTarget(const CanonicalSource& source, bool recast,
                                 const NewDirectory& target,
                                 ResumableStorage& storage,
                                 TensorPieces& pieces) {
  SnapshotContent content;
  content.run = source.run;
  content.model = *source.model;
  content.tokenizer_dir = source.directory;
  if (!source.config_json.empty()) {
    ASSIGN_OR_RETURN(content.config_json, ConfigJson(source, recast));
  }
  const std::unique_ptr<Communicator> alone = MakeLoopbackCommunicator();
  return WriteOneSnapshot(*alone, storage,
                          {target.parent, target.name, target.temporary},
                          content, pieces.pieces(), pieces);
}

absl::StatusOr<SideFiles> HuggingFaceSideFiles(const CanonicalSource& source,
                                               bool recast) {
  SideFiles files;
  ASSIGN_OR_RETURN(std::string config, ConfigJson(source, recast));
  files.emplace_back(kConfigName, std::move(config));
  if (source.directory.empty()) return files;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(source.directory));
  for (const std::string& name : names) {
    if (!IsTokenizerFile(name)) continue;
    ASSIGN_OR_RETURN(std::string content,
                     ReadFile(JoinPath(source.directory, name)));
    files.emplace_back(name, std::move(content));
  }
  return files;
}

absl::Status WriteSafetensorsTarget(const std::vector<ConvertedTensor>& tensors,
                                    const SideFiles& side_files,
                                    const NewDirectory& target,
                                    ResumableStorage& storage,
                                    TensorPieces& pieces) {
  std::vector<TensorShape> shapes;
  for (const ConvertedTensor& tensor : tensors) {
    shapes.push_back(
        {tensor.name, tensor.tensor->dtype(), tensor.tensor->shape()});
  }
  SafetensorsLayout layout = LayOutSafetensors(shapes);
  const std::string directory = JoinPath(target.parent, target.temporary);
  FilePlan plan;
  plan.path = JoinPath(directory, kWeightsName);
  plan.header = std::move(layout.header);
  plan.bytes = layout.file_bytes;
  const std::vector<StatePiece> all = pieces.pieces();
  for (size_t i = 0; i < all.size(); ++i) {
    plan.tensors.emplace_back(all[i], layout.offsets[i]);
  }
  SortByOffset(&plan);
  RETURN_IF_ERROR(CheckSpace(storage, target.parent, plan.bytes));
  RETURN_IF_ERROR(storage.CreateDirectories(directory));
  for (const auto& [name, content] : side_files) {
    RETURN_IF_ERROR(WriteNewFile(storage, JoinPath(directory, name), content));
  }
  RETURN_IF_ERROR(WriteTensorFile(plan, storage, pieces));
  RETURN_IF_ERROR(storage.SyncDirectory(directory));
  return storage.Rename(directory, JoinPath(target.parent, target.name));
}

absl::Status WriteFlatTarget(const FlatFormat& format,
                             const NewDirectory& target,
                             ResumableStorage& storage, TensorPieces& pieces) {
  std::map<std::string, StatePiece> by_name;
  for (StatePiece& piece : pieces.pieces()) by_name[piece.tensor] = piece;
  const std::string directory = JoinPath(target.parent, target.temporary);
  FilePlan plan;
  plan.path = JoinPath(directory, kFlatName);
  plan.header = format.header;
  plan.bytes = format.header.size();
  for (const TensorShape& tensor : format.tensors) {
    plan.tensors.emplace_back(by_name.at(tensor.name), plan.bytes);
    plan.bytes += tensor.bytes();
  }
  RETURN_IF_ERROR(CheckSpace(storage, target.parent, plan.bytes));
  RETURN_IF_ERROR(storage.CreateDirectories(directory));
  RETURN_IF_ERROR(WriteTensorFile(plan, storage, pieces));
  return storage.Rename(plan.path, JoinPath(target.parent, target.name));
}

}  // namespace perdure
