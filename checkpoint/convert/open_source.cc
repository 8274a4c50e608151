#include "checkpoint/convert/open_source.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/convert/snapshot_source.h"
#include "checkpoint/foreign/flat_file.h"
#include "checkpoint/foreign/safetensors_files.h"
#include "checkpoint/foreign/torch_file.h"
#include "checkpoint/foreign/universal_directory.h"
#include "checkpoint/snapshot/names.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/nn/hf_config.h"

namespace perdure {
namespace {

absl::StatusOr<TensorSource> OpenHuggingFace(const std::string& path) {
  TensorSource source;
  source.description = absl::StrCat("Hugging Face directory ", path);
  source.directory = path;
  const std::string config = JoinPath(path, kConfigName);
  ASSIGN_OR_RETURN(source.config_json, ReadFile(config));
  const auto model = ModelConfigFromHf(source.config_json);
  if (!model.ok()) return Annotate(model.status(), config);
  source.model = *model;
  if (HasSafetensors(path)) {
    ASSIGN_OR_RETURN(source.tensors, OpenSafetensorsShards(path));
  } else if (HasTorchShards(path)) {
    ASSIGN_OR_RETURN(source.tensors, OpenTorchShards(path));
  } else if (FileExists(JoinPath(path, NodeFileName(0)))) {
    return absl::NotFoundError(absl::StrCat(
        path,
        ": there is no model.safetensors: this snapshot has one file a node; "
        "make one with perdure-ckpt export"));
  } else {
    return absl::NotFoundError(absl::StrCat(
        path, ": has config.json, but neither model.safetensors nor ",
        "pytorch_model.bin, alone or with .index.json"));
  }
  return source;
}

absl::StatusOr<TensorSource> OpenPlainSafetensors(const std::string& path) {
  TensorSource source;
  source.description = absl::StrCat("safetensors ", path);
  if (IsDirectory(path)) {
    ASSIGN_OR_RETURN(source.tensors, OpenSafetensorsShards(path));
  } else {
    ASSIGN_OR_RETURN(source.tensors, OpenSafetensorsFile(path));
  }
  return source;
}

bool HoldsTorchFiles(const std::string& directory) {
  const auto names = ListDirectory(directory);
  return names.ok() &&
         std::any_of(names->begin(), names->end(), [](const auto& name) {
           return absl::EndsWith(name, ".pt") || absl::EndsWith(name, ".pth") ||
                  absl::EndsWith(name, ".bin");
         });
}

}  // namespace

std::vector<std::string> SourceFormats() {
  return {"perdure", "hf", "deepspeed", "llmc", "llama2c", "pt", "safetensors"};
}

absl::StatusOr<std::string> DetectFormat(const std::string& path) {
  if (IsDirectory(path)) {
    if (LooksLikeSnapshot(path)) return std::string("perdure");
    if (FileExists(JoinPath(path, kConfigName))) return std::string("hf");
    if (IsUniversalDirectory(path)) return std::string("deepspeed");
    if (HasSafetensors(path)) return std::string("safetensors");
    if (HoldsTorchFiles(path)) return std::string("pt");
  } else if (FileExists(path)) {
    if (absl::EndsWith(path, ".safetensors")) return std::string("safetensors");
    if (IsLlmcFile(path)) return std::string("llmc");
    if (IsLlama2cFile(path)) return std::string("llama2c");
    return std::string("pt");
  }
  return absl::NotFoundError(absl::StrCat(
      path, FileExists(path) ? "" : ": no such file or directory",
      ": looked for MANIFEST.pb (a snapshot), snapshots/step-* (a run ",
      "directory), config.json with model.safetensors or pytorch_model.bin (a ",
      "Hugging Face directory), zero/ (DeepSpeed's universal checkpoint), "
      "*.safetensors, *.pt, *.bin"));
}

absl::StatusOr<TensorSource> OpenSource(const std::string& path,
                                        absl::string_view format) {
  if (format == "perdure") return OpenSnapshotSource(path);
  if (format == "hf") return OpenHuggingFace(path);
  if (format == "deepspeed") return OpenUniversal(path);
  if (format == "llmc") return OpenLlmc(path);
  if (format == "llama2c") return OpenLlama2c(path);
  if (format == "pt") return OpenTorch(path);
  if (format == "safetensors") return OpenPlainSafetensors(path);
  return absl::InvalidArgumentError(
      absl::StrCat("--from ", format, ": it is one of ",
                   absl::StrJoin(SourceFormats(), ", "),
                   DidYouMean(format, SourceFormats())));
}

}  // namespace perdure
