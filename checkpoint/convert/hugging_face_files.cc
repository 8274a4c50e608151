#include "checkpoint/convert/hugging_face_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/convert/weight_files.h"
#include "checkpoint/convert/weight_match.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/format/state_reader.h"
#include "checkpoint/snapshot/names.h"
#include "runtime/base/file.h"
#include "runtime/nn/hf_config.h"

namespace perdure {
namespace {

// Unchecked blocks; each begins in a tensor, so no element is in two.
std::vector<FileBlock> Blocks(const std::vector<SafetensorsTensor>& tensors) {
  std::vector<FileBlock> blocks;
  for (const SafetensorsTensor& tensor : tensors) {
    for (uint64_t at = 0; at < tensor.bytes; at += kBlockBytes) {
      blocks.push_back({tensor.offset + at,
                        std::min(kBlockBytes, tensor.bytes - at), std::nullopt,
                        -1});
    }
  }
  return blocks;
}

absl::StatusOr<ModelConfig> ReadModelConfig(absl::string_view dir) {
  const std::string path = JoinPath(dir, kConfigName);
  ASSIGN_OR_RETURN(const std::string json, ReadFile(path));
  absl::StatusOr<ModelConfig> model = ModelConfigFromHf(json);
  if (!model.ok()) return Annotate(model.status(), path);
  return model;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HuggingFaceDirectory>>
HuggingFaceDirectory::Open(absl::string_view dir) {
  ASSIGN_OR_RETURN(std::unique_ptr<HuggingFaceFiles> files,
                   HuggingFaceFiles::Open(dir));
  return std::unique_ptr<HuggingFaceDirectory>(std::move(files));
}

absl::StatusOr<std::unique_ptr<HuggingFaceFiles>> HuggingFaceFiles::Open(
    absl::string_view dir) {
  std::unique_ptr<HuggingFaceFiles> directory(new HuggingFaceFiles(dir));
  ASSIGN_OR_RETURN(directory->model_, ReadModelConfig(dir));
  ASSIGN_OR_RETURN(std::vector<WeightFile> files, OpenWeightFiles(dir));
  ASSIGN_OR_RETURN(directory->index_,
                   MatchWeights(files, directory->model_, dir));
  for (WeightFile& weights : files) {
    std::vector<FileBlock> blocks = Blocks(weights.tensors);
    directory->files_.emplace_back(std::move(weights.file), std::move(blocks),
                                   nullptr);
  }
  return directory;
}

std::string HuggingFaceFiles::description() const {
  return absl::StrCat("Hugging Face directory ", dir_);
}

std::vector<std::string> HuggingFaceFiles::Names(StateKind kind) const {
  return index_.Names(kind);
}

absl::Status HuggingFaceFiles::Read(const std::vector<StateRequest>& requests) {
  return ReadState(requests, index_, files_, description());
}

}  // namespace perdure
