#ifndef PERDURE_RUNTIME_DATA_TOKENIZER_PARTS_H_
#define PERDURE_RUNTIME_DATA_TOKENIZER_PARTS_H_

// What the readers of tokenizer files have in common.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "runtime/base/status.h"
#include "runtime/data/merge_table.h"

namespace perdure {

// A file that travels with a tokenizer, byte for byte as it was read.
struct NamedFile {
  std::string name;
  std::string content;
};
absl::Status SaveFiles(absl::string_view directory,
                       const std::vector<NamedFile>& files);

using TokenIds = absl::flat_hash_map<std::string, int32_t>;

// Adds the merge "left right" with the next rank; FailedPrecondition if one of
// the three tokens is not in `ids`.
absl::Status AddMerge(absl::string_view path, absl::string_view left,
                      absl::string_view right, const TokenIds& ids,
                      MergeTable* merges);

struct SpecialIds {
  std::optional<int32_t> bos;  // only where a prompt starts with it
  std::optional<int32_t> eod;
};

// What tokenizer_config.json and special_tokens_map.json say, if they are
// there.
struct SpecialTokenConfig {
  std::optional<std::string> bos_token;
  std::optional<std::string> eos_token;
  std::optional<bool> add_bos_token;
  std::vector<NamedFile> files;
};
absl::StatusOr<SpecialTokenConfig> ReadSpecialTokenConfig(
    absl::string_view directory);

// The config's word counts; `default_bos` is what the tokenizer itself would
// start a prompt with.
SpecialIds ResolveSpecialIds(const SpecialTokenConfig& config,
                             const std::optional<std::string>& default_bos,
                             const TokenIds& ids);

// "what" for a file that is not a tokenizer, with the path: FailedPrecondition.
absl::Status BadTokenizer(absl::string_view path, absl::string_view what);

// OutOfRange for an id that is not in the vocabulary.
absl::Status UnknownId(int32_t id, int32_t vocab_size);

// The folder part of a path; "." if it has none.
std::string FolderOf(absl::string_view path);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_TOKENIZER_PARTS_H_
