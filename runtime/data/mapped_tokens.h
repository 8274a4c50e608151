#ifndef PERDURE_RUNTIME_DATA_MAPPED_TOKENS_H_
#define PERDURE_RUNTIME_DATA_MAPPED_TOKENS_H_

// What the formats share once their headers are understood: a run of ids of one
// width somewhere in a mapped file.

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/file.h"
#include "runtime/data/token_file.h"

namespace perdure {

enum class TokenWidth { kU16, kI32 };  // ids beyond 2^31 - 1 do not exist

struct TokenRange {
  const char* format = "";
  uint64_t begin = 0;  // byte offset of the first id; any alignment
  int64_t tokens = 0;
  TokenWidth width = TokenWidth::kU16;
};

class MappedTokenFile : public TokenFile {
 public:
  // `range` lies inside `file`. `vocab_bound` < 0: found by a scan.
  MappedTokenFile(absl::string_view path, MappedFile file,
                  const TokenRange& range, std::vector<int64_t> documents,
                  int32_t vocab_bound);
  std::string format() const override { return range_.format; }
  int64_t size() const override { return range_.tokens; }
  void Read(int64_t begin, int64_t n, int32_t* ids) const override;
  const std::vector<int64_t>& documents() const override { return documents_; }
  int32_t vocab_bound() const override { return vocab_bound_; }

 private:
  int32_t ScanBound() const;

  MappedFile file_;
  TokenRange range_;
  std::vector<int64_t> documents_;
  int32_t vocab_bound_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_MAPPED_TOKENS_H_
