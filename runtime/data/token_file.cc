#include "runtime/data/token_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/data/token_formats.h"

namespace perdure {

absl::Status BadTokenFile(absl::string_view path, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<std::unique_ptr<TokenFile>> OpenTokenFile(
    absl::string_view path) {
  // Either of Megatron's two files names the pair.
  std::string data_path(path);
  if (absl::EndsWith(path, ".idx")) {
    data_path = absl::StrCat(absl::StripSuffix(path, ".idx"), ".bin");
  }
  if (IsDirectory(data_path)) {
    return BadTokenFile(path, "is a directory; name a token file");
  }
  ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(data_path));

  if (file.size() >= sizeof(kTokensMagic) &&
      std::memcmp(file.data(), kTokensMagic, sizeof(kTokensMagic)) == 0) {
    return OpenTokensFile(data_path, std::move(file));
  }
  if (absl::EndsWith(data_path, ".bin") &&
      FileExists(absl::StrCat(absl::StripSuffix(data_path, ".bin"), ".idx"))) {
    // Megatron's .bin has no header: any first bytes are ids.
    return OpenMegatronFile(data_path, std::move(file));
  }
  int32_t first = 0;
  if (file.size() >= sizeof(first)) {
    std::memcpy(&first, file.data(), sizeof(first));
  }
  if (first == kLlmcMagicGpt2 || first == kLlmcMagicLlama3) {
    return OpenLlmcFile(data_path, std::move(file));
  }
  const absl::string_view head(reinterpret_cast<const char*>(file.data()),
                               std::min<size_t>(file.size(), 8));
  return BadTokenFile(
      path, absl::StrCat(
                "not a token file: it starts with \"", absl::CHexEscape(head),
                "\" (int32 ", first, ", ", file.size(),
                " bytes), expected \"PERDTOKS\" (.tokens), int32 ",
                kLlmcMagicGpt2, " or ", kLlmcMagicLlama3,
                " (llm.c), or a .bin with Megatron's .idx beside it; make "
                "one from text with perdure-data prepare"));
}

}  // namespace perdure
