// Reading the token files of llm.c (dev/data/data_common.py, write_datafile).

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/data/mapped_tokens.h"
#include "runtime/data/token_formats.h"

namespace perdure {

absl::StatusOr<std::unique_ptr<TokenFile>> OpenLlmcFile(absl::string_view path,
                                                        MappedFile file) {
  if (file.size() < kLlmcHeaderBytes) {
    return BadTokenFile(
        path,
        absl::StrCat("only ", file.size(), " bytes, llm.c's header alone has ",
                     kLlmcHeaderBytes, ": the file was cut; copy it anew"));
  }
  int32_t header[3];  // magic, version, tokens
  std::memcpy(header, file.data(), sizeof(header));
  const bool gpt2 = header[0] == kLlmcMagicGpt2;
  const int32_t expected_version = gpt2 ? 1 : 7;
  if (header[1] != expected_version) {
    return BadTokenFile(
        path,
        absl::StrCat("llm.c token file of version ", header[1], ", expected ",
                     expected_version, " after magic ", header[0],
                     "; write it with llm.c's current "
                     "dev/data scripts"));
  }
  const uint64_t width = gpt2 ? 2 : 4;
  const uint64_t available = (file.size() - kLlmcHeaderBytes) / width;
  if (header[2] < 0 || available != static_cast<uint64_t>(header[2]) ||
      (file.size() - kLlmcHeaderBytes) % width != 0) {
    return BadTokenFile(
        path,
        absl::StrCat("llm.c's header says ", header[2],
                     " tokens, the file has ", available, " (", file.size(),
                     " bytes): it was cut or damaged; copy it anew"));
  }
  const TokenRange range = {"llm.c", kLlmcHeaderBytes, header[2],
                            gpt2 ? TokenWidth::kU16 : TokenWidth::kI32};
  return std::make_unique<MappedTokenFile>(path, std::move(file), range,
                                           std::vector<int64_t>(), -1);
}

}  // namespace perdure
