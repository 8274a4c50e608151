#include "checkpoint/convert/paths.h"

#include "absl/strings/str_cat.h"

namespace perdure {

NewDirectory SplitNewDirectory(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  const bool bare = slash == absl::string_view::npos;
  NewDirectory directory;
  directory.parent =
      std::string(bare ? "." : path.substr(0, slash == 0 ? 1 : slash));
  directory.name = std::string(bare ? path : path.substr(slash + 1));
  directory.temporary = absl::StrCat(".", directory.name, ".tmp");
  return directory;
}

}  // namespace perdure
