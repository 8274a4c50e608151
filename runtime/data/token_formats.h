#ifndef PERDURE_RUNTIME_DATA_TOKEN_FORMATS_H_
#define PERDURE_RUNTIME_DATA_TOKEN_FORMATS_H_

// The bytes of the three formats of token files, and one opener for each. All
// numbers are little-endian. docs/token-files.md is the specification.

#include <cstdint>
#include <memory>
#include <type_traits>

#include "runtime/base/file.h"
#include "runtime/data/token_file.h"

namespace perdure {

// .tokens: header, ids, zeros up to a multiple of 8, u64 document offsets.
inline constexpr char kTokensMagic[8] = {'P', 'E', 'R', 'D',
                                         'T', 'O', 'K', 'S'};
inline constexpr uint32_t kTokensVersion = 1;
struct TokensHeader {
  char magic[8];
  uint32_t version;
  uint32_t bytes_per_token;  // 2 or 4
  uint64_t tokens;
  uint64_t documents;        // 0: not recorded
  uint64_t documents_begin;  // byte offset of the document offsets
  uint32_t vocab_size;       // every id is less
  uint8_t reserved[20];      // zeros
};
static_assert(sizeof(TokensHeader) == 64 &&
              std::is_trivially_copyable_v<TokensHeader>);

// llm.c: 256 int32 (magic, version, tokens, zeros), then the ids.
inline constexpr int32_t kLlmcMagicGpt2 = 20240520;    // version 1: uint16
inline constexpr int32_t kLlmcMagicLlama3 = 20240801;  // version 7: uint32
inline constexpr uint64_t kLlmcHeaderBytes = 256 * sizeof(int32_t);

// Megatron's indexed datasets: ids in .bin, everything else in .idx.
inline constexpr char kMegatronMagic[9] = {'M', 'M', 'I', 'D', 'I',
                                           'D', 'X', 0,   0};

absl::StatusOr<std::unique_ptr<TokenFile>> OpenTokensFile(
    absl::string_view path, MappedFile file);
absl::StatusOr<std::unique_ptr<TokenFile>> OpenLlmcFile(absl::string_view path,
                                                        MappedFile file);
// `path` is the .bin; the .idx lies beside it.
absl::StatusOr<std::unique_ptr<TokenFile>> OpenMegatronFile(
    absl::string_view path, MappedFile file);

// FailedPrecondition "path: what"; the remedy is part of `what`.
absl::Status BadTokenFile(absl::string_view path, absl::string_view what);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_TOKEN_FORMATS_H_
