#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/data/char_tokenizer.h"
#include "runtime/data/tokenizer.h"

namespace perdure {

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(
    absl::string_view path) {
  const std::string chars =
      IsDirectory(path) ? JoinPath(path, kCharsFileName) : std::string(path);
  if (FileExists(chars)) return LoadCharTokenizer(chars);
  return absl::NotFoundError(
      absl::StrCat("no tokenizer at ", path, ": looked for ", kCharsFileName));
}

}  // namespace perdure
