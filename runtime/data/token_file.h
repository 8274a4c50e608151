#ifndef PERDURE_RUNTIME_DATA_TOKEN_FILE_H_
#define PERDURE_RUNTIME_DATA_TOKEN_FILE_H_

// Files of token ids, memory-mapped: Perdure's own .tokens
// (docs/token-files.md), llm.c's .bin and Megatron's .bin + .idx.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

class TokenFile {
 public:
  virtual ~TokenFile() = default;
  const std::string& path() const { return path_; }
  virtual std::string format() const = 0;  // "Perdure .tokens", "llm.c", ...
  virtual int64_t size() const = 0;        // tokens
  // Copies tokens [begin, begin + n).
  virtual void Read(int64_t begin, int64_t n, int32_t* ids) const = 0;
  // Where documents start, ascending, the first at 0; empty if not recorded.
  virtual const std::vector<int64_t>& documents() const = 0;
  // From the header or by a scan at open: no id is >= this.
  virtual int32_t vocab_bound() const = 0;

 protected:
  explicit TokenFile(absl::string_view path) : path_(path) {}

 private:
  std::string path_;
};

// Tells the format by its magic; FailedPrecondition with the magic found and
// those expected.
absl::StatusOr<std::unique_ptr<TokenFile>> OpenTokenFile(
    absl::string_view path);

// Streams ids into a .tokens file; nothing is visible at `path` before Finish.
class TokenFileWriter {
 public:
  static absl::StatusOr<std::unique_ptr<TokenFileWriter>> Create(
      absl::string_view path, int32_t vocab_size);
  virtual ~TokenFileWriter() = default;
  virtual absl::Status Append(const int32_t* ids, int64_t n) = 0;
  // The next token appended starts a document.
  virtual void StartDocument() = 0;
  virtual absl::Status Finish() = 0;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_TOKEN_FILE_H_
