#include "launcher/train/run_directory.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

absl::Status Append(const std::string& path, absl::string_view text) {
  ASSIGN_OR_RETURN(File file, File::Open(path, File::Mode::kAppend));
  RETURN_IF_ERROR(file.Write(text.data(), text.size()));
  return file.Close();
}

std::string WithoutSlash(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return std::string(path);
}

}  // namespace

absl::Status PrepareRunDirectory(absl::string_view run_dir, bool resume,
                                 bool force) {
  const std::string dir = WithoutSlash(run_dir);
  if (FileExists(dir)) {
    if (!IsDirectory(dir)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--run_dir ", dir, " is a file; name a directory"));
    }
    ASSIGN_OR_RETURN(std::vector<std::string> names, ListDirectory(dir));
    // perdure-launch has begun before the run has.
    names.erase(std::remove(names.begin(), names.end(), "launch"), names.end());
    if (!names.empty() && force) {
      int n = 1;
      while (FileExists(absl::StrCat(dir, ".old-", n))) ++n;
      RETURN_IF_ERROR(RenameDurably(dir, absl::StrCat(dir, ".old-", n)));
    } else if (!names.empty() && !resume) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--run_dir ", dir, " is not empty (", names.size(),
          " entries, such as ", names[0],
          "); go on with --resume, put it aside with --force, or name another "
          "directory"));
    }
  }
  return CreateDirectories(dir);
}

absl::Status WriteRunRecords(absl::string_view run_dir,
                             absl::string_view config_text,
                             absl::string_view command,
                             absl::string_view environment) {
  RETURN_IF_ERROR(
      WriteFileAtomically(JoinPath(run_dir, "config.textproto"), config_text));
  RETURN_IF_ERROR(
      Append(JoinPath(run_dir, "command.txt"), absl::StrCat(command, "\n")));
  return Append(JoinPath(run_dir, "environment.txt"),
                absl::StrCat(environment, "\n"));
}

}  // namespace perdure
