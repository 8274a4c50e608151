#ifndef PERDURE_RUNTIME_DATA_PREPARE_H_
#define PERDURE_RUNTIME_DATA_PREPARE_H_

// The work of perdure-data: text into a .tokens file, and a look into one.

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

struct PrepareOptions {
  std::vector<std::string> inputs;  // text files; "-": standard input
  std::string tokenizer;            // a path for LoadTokenizer, or "char"
  std::string output;               // the .tokens file
  std::string document_separator = "none";
  enum class Mark { kIfKnown, kYes, kNo };
  Mark eod = Mark::kIfKnown;  // the tokenizer's EOD after each document
  Mark bos = Mark::kNo;       // the tokenizer's BOS before each document
  bool terminal = false;
  std::FILE* progress = stderr;
};

struct PrepareReport {
  std::string tokenizer;  // "byte_bpe, 50,257 ids"
  uint64_t bytes = 0;
  int64_t tokens = 0;
  int64_t documents = 0;
  double seconds = 0;
};

// Streams the inputs through the tokenizer. The output's folder is made if
// missing and gets the tokenizer's files, so that the folder is all a run
// needs; FailedPrecondition if it holds a different tokenizer already. "char"
// reads the inputs twice: first for the vocabulary.
absl::StatusOr<PrepareReport> Prepare(const PrepareOptions& options);

// What a token file holds, as lines to print. `tokenizer`: a path, or "" for
// the one in the file's folder, if there is one.
absl::StatusOr<std::string> InspectTokenFile(absl::string_view path,
                                             absl::string_view tokenizer);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_PREPARE_H_
