#ifndef PERDURE_RUNTIME_DATA_DOCUMENT_ENCODER_H_
#define PERDURE_RUNTIME_DATA_DOCUMENT_ENCODER_H_

// Documents that arrive in pieces, tokenized into a token file. Long documents
// are encoded a part at a time, cut where no token can cross: the ids are those
// of the whole. (Text without a space in 64 parts is cut between characters.)

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/data/token_file.h"
#include "runtime/data/tokenizer.h"

namespace perdure {

class DocumentEncoder {
 public:
  struct Options {
    std::optional<int32_t> before;  // put before each document
    std::optional<int32_t> after;
    size_t part_bytes = 1 << 20;  // a document longer than this is cut
  };
  // Both outlive the encoder.
  DocumentEncoder(const Tokenizer* tokenizer, TokenFileWriter* writer,
                  const Options& options);
  absl::Status Add(absl::string_view piece);
  // Empty documents leave nothing.
  absl::Status EndDocument();
  int64_t tokens() const { return tokens_; }
  int64_t documents() const { return documents_; }

 private:
  absl::Status Encode(absl::string_view text);
  absl::Status Append(const std::vector<int32_t>& ids);

  const Tokenizer* tokenizer_;
  TokenFileWriter* writer_;
  Options options_;
  bool adds_space_;           // the tokenizer puts a space before any text
  std::string pending_;       // of the current document
  bool in_document_ = false;  // something of it has been written
  size_t cut_beyond_;         // pending bytes
  int64_t tokens_ = 0;
  int64_t documents_ = 0;
};

// Where a text that goes on can be cut without changing its ids: before the
// last space that stands alone between two words. nullopt: there is none.
std::optional<size_t> SafeCut(absl::string_view text);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_DOCUMENT_ENCODER_H_
