// Reading .tokens files.

#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/data/mapped_tokens.h"
#include "runtime/data/token_formats.h"

namespace perdure {
namespace {

// Nothing here may overflow or read beyond the file, whatever the header says.
absl::Status CheckHeader(absl::string_view path, const TokensHeader& header,
                         uint64_t file_size) {
  if (header.version != kTokensVersion) {
    return BadTokenFile(
        path, absl::StrCat(".tokens version ", header.version,
                           ", this program reads ", kTokensVersion,
                           "; prepare the file anew, or use a newer program"));
  }
  if (header.bytes_per_token != 2 && header.bytes_per_token != 4) {
    return BadTokenFile(path,
                        absl::StrCat("the header says ", header.bytes_per_token,
                                     " bytes per token, 2 or 4 are "
                                     "possible; prepare the file anew"));
  }
  const uint64_t most = uint64_t{1} << 48;
  const uint64_t ids_end =
      sizeof(TokensHeader) + header.tokens * header.bytes_per_token;
  if (header.tokens > most || header.documents > most ||
      header.documents_begin != (ids_end + 7) / 8 * 8 ||
      file_size != header.documents_begin + header.documents * 8) {
    return BadTokenFile(
        path, absl::StrCat("the header says ", header.tokens, " tokens and ",
                           header.documents, " documents, which does not fit ",
                           file_size,
                           " bytes: the file was cut or damaged; "
                           "copy it or prepare it anew"));
  }
  if (header.vocab_size == 0 ||
      header.vocab_size > std::numeric_limits<int32_t>::max()) {
    return BadTokenFile(path,
                        absl::StrCat("vocabulary size ", header.vocab_size,
                                     " in the header is not possible; "
                                     "prepare the file anew"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenFile>> OpenTokensFile(
    absl::string_view path, MappedFile file) {
  TokensHeader header;
  if (file.size() < sizeof(header)) {
    return BadTokenFile(path, absl::StrCat("only ", file.size(),
                                           " bytes: the header was cut; copy "
                                           "the file or prepare it anew"));
  }
  std::memcpy(&header, file.data(), sizeof(header));
  RETURN_IF_ERROR(CheckHeader(path, header, file.size()));

  std::vector<int64_t> documents(header.documents);
  if (!documents.empty()) {
    std::memcpy(documents.data(), file.data() + header.documents_begin,
                documents.size() * 8);
  }
  for (size_t i = 0; i < documents.size(); ++i) {
    const int64_t previous = i == 0 ? -1 : documents[i - 1];
    if (documents[i] <= previous || (i == 0 && documents[i] != 0) ||
        documents[i] >= static_cast<int64_t>(header.tokens)) {
      return BadTokenFile(
          path, absl::StrCat("document ", i, " starts at token ", documents[i],
                             " after ", previous, " of ", header.tokens,
                             ": the index is damaged; prepare the file anew"));
    }
  }
  const TokenRange range = {
      "Perdure .tokens", sizeof(header), static_cast<int64_t>(header.tokens),
      header.bytes_per_token == 2 ? TokenWidth::kU16 : TokenWidth::kI32};
  return std::make_unique<MappedTokenFile>(
      path, std::move(file), range, std::move(documents),
      static_cast<int32_t>(header.vocab_size));
}

}  // namespace perdure
