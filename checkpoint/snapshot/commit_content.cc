#include "checkpoint/snapshot/commit_content.h"

#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "runtime/base/file.h"
#include "runtime/nn/hf_config.h"

namespace perdure {

absl::StatusOr<std::vector<SideFile>> ReadSideFiles(
    const SnapshotWriteOptions& options, const SnapshotPlan& plan,
    const std::string& config_json) {
  std::vector<SideFile> files;
  files.emplace_back(kConfigName,
                     config_json.empty()
                         ? ModelConfigToHf(options.model, plan.torch_dtype)
                         : config_json);
  const std::string& directory = options.tokenizer_dir;
  if (directory.empty()) return files;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(directory));
  for (const std::string& name : names) {
    if (!IsTokenizerFile(name)) continue;
    ASSIGN_OR_RETURN(std::string text, ReadFile(JoinPath(directory, name)));
    files.emplace_back(name, std::move(text));
  }
  return files;
}

SnapshotManifest BeginManifest(const SnapshotWriteOptions& options,
                               const RunState& run) {
  SnapshotManifest manifest;
  *manifest.mutable_run() = ToManifest(run);
  *manifest.mutable_model() = options.model;
  manifest.mutable_model()->clear_init_from();  // it stands alone
  return manifest;
}

}  // namespace perdure
