#ifndef PERDURE_RUNTIME_DATA_TOKENIZER_H_
#define PERDURE_RUNTIME_DATA_TOKENIZER_H_

// Text <-> token ids.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  virtual std::string kind() const = 0;  // "char", "byte_bpe", "llama2c"
  virtual int32_t vocab_size() const = 0;
  // Without special tokens added. InvalidArgument names text that the
  // vocabulary cannot express (characters only).
  virtual absl::StatusOr<std::vector<int32_t>> Encode(
      absl::string_view text) const = 0;
  // Bytes of the ids; pieces of UTF-8 characters come out as they are. Unknown
  // ids are OutOfRange.
  virtual absl::StatusOr<std::string> Decode(
      const std::vector<int32_t>& ids) const = 0;
  // What ends a document / starts a prompt, where the vocabulary has one.
  virtual std::optional<int32_t> eod() const = 0;
  virtual std::optional<int32_t> bos() const = 0;
  // Writes files into `directory` from which LoadTokenizer makes an equal one.
  virtual absl::Status Save(absl::string_view directory) const = 0;
};

// Reads what is there: a directory with tokenizer.json, vocab.json + merges.txt
// (or encoder.json + vocab.bpe), chars.json, or tokenizer.bin; or one of these
// files. NotFound lists what was looked for.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(
    absl::string_view path);

// A character vocabulary (Unicode code points, ascending) of a text.
absl::StatusOr<std::unique_ptr<Tokenizer>> BuildCharTokenizer(
    absl::string_view text);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_TOKENIZER_H_
