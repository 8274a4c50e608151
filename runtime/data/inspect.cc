#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/data/prepare.h"
#include "runtime/data/token_file.h"
#include "runtime/data/tokenizer.h"
#include "runtime/data/tokenizer_parts.h"

namespace perdure {
namespace {

constexpr int64_t kShownTokens = 32;

}  // namespace

absl::StatusOr<std::string> InspectTokenFile(absl::string_view path,
                                             absl::string_view tokenizer) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TokenFile> file, OpenTokenFile(path));
  const auto documents = file->documents().size();
  std::string text = absl::StrCat(
      "file        ", file->path(), "\nformat      ", file->format(),
      "\ntokens      ", file->size(), "\ndocuments   ",
      documents > 0 ? absl::StrCat(documents) : "not recorded",
      "\nvocabulary  ids are less than ", file->vocab_bound(), "\n");

  std::vector<int32_t> ids(std::min(file->size(), kShownTokens));
  file->Read(0, static_cast<int64_t>(ids.size()), ids.data());
  absl::StrAppend(&text, "first ids   ", absl::StrJoin(ids, " "), "\n");

  const auto loaded = LoadTokenizer(tokenizer.empty() ? FolderOf(path)
                                                      : std::string(tokenizer));
  if (tokenizer.empty() && absl::IsNotFound(loaded.status())) {
    return absl::StrCat(text,
                        "first text  no tokenizer beside the file; give "
                        "--tokenizer\n");
  }
  if (!loaded.ok()) return loaded.status();
  absl::StrAppend(&text, "tokenizer   ", (*loaded)->kind(), ", ",
                  (*loaded)->vocab_size(), " ids\n");
  ASSIGN_OR_RETURN(const std::string first, (*loaded)->Decode(ids));
  return absl::StrCat(text, "first text  \"", absl::Utf8SafeCEscape(first),
                      "\"\n");
}

}  // namespace perdure
