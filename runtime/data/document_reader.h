#ifndef PERDURE_RUNTIME_DATA_DOCUMENT_READER_H_
#define PERDURE_RUNTIME_DATA_DOCUMENT_READER_H_

// Reads text files of any size, and standard input, as a stream of documents.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// What ends a document; the end of a file always does.
struct DocumentSeparator {
  enum class Kind {
    kNone,   // nothing else
    kBlank,  // a line of white space
    kLine,   // a line that reads `text`
    kJson,   // every line is a JSON object with a document in its field `text`
  };
  Kind kind = Kind::kNone;
  std::string text;
};

// From "none", "blank", "jsonl:FIELD", or else the text of a line.
absl::StatusOr<DocumentSeparator> ParseDocumentSeparator(
    absl::string_view text);

struct DocumentSink {
  // A piece of the current document, cut anywhere; valid during the call.
  absl::FunctionRef<absl::Status(absl::string_view piece)> text;
  // The document is complete. Called for empty ones too.
  absl::FunctionRef<absl::Status()> end;
  // After every MiB or so: bytes read from all inputs together.
  absl::FunctionRef<void(uint64_t bytes)> progress;
};

// `inputs`: paths, "-" for standard input. Separator lines are no part of the
// documents; all other bytes are. Memory is bounded, except that a JSON line is
// held whole. Errors name the file and, for JSON, the line.
absl::Status ReadDocuments(const std::vector<std::string>& inputs,
                           const DocumentSeparator& separator,
                           const DocumentSink& sink);

// Of all inputs together; 0 if one of them is not a regular file.
absl::StatusOr<uint64_t> TotalBytes(const std::vector<std::string>& inputs);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_DOCUMENT_READER_H_
