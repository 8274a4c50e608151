#include "checkpoint/tiers/tier_directory.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/snapshot/nodes.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

// One name for one directory, however it was written.
std::string Canonical(absl::string_view run_dir) {
  std::error_code error;
  const fs::path absolute = fs::absolute(std::string(run_dir), error);
  std::string path = absolute.lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string DirectoryOfRun(absl::string_view root, absl::string_view run_dir) {
  const std::string path = Canonical(run_dir);
  return JoinPath(root, absl::StrFormat("perdure-%d-%016x", geteuid(),
                                        Checksum(path.data(), path.size())));
}

}  // namespace

const char* TierName(SnapshotTier tier) {
  return tier == SnapshotTier::kMemory ? "memory" : "local";
}

std::string TierDirectory(absl::string_view root, absl::string_view run_dir,
                          absl::string_view node) {
  return JoinPath(DirectoryOfRun(root, run_dir), NodeName(node));
}

absl::Status RemoveTierDirectory(Storage& storage,
                                 const std::string& directory) {
  RETURN_IF_ERROR(storage.RemoveTree(directory));
  // Fails where another node has something, or nothing is there: that is meant.
  ::rmdir(directory.substr(0, directory.rfind('/')).c_str());
  return absl::OkStatus();
}

}  // namespace perdure
