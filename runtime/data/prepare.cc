#include "runtime/data/prepare.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/data/byte_progress.h"
#include "runtime/data/char_tokenizer.h"
#include "runtime/data/document_encoder.h"
#include "runtime/data/document_reader.h"
#include "runtime/data/token_file.h"
#include "runtime/data/tokenizer.h"
#include "runtime/data/tokenizer_parts.h"

namespace perdure {
namespace {

constexpr char kCharTokenizer[] = "char";

absl::Status CheckOptions(const PrepareOptions& options) {
  if (options.inputs.empty()) {
    return absl::InvalidArgumentError(
        "no input; give --input FILE, or --input - for standard input");
  }
  if (options.output.empty()) {
    return absl::InvalidArgumentError("no output; give --output PATH.tokens");
  }
  if (options.tokenizer.empty()) {
    return absl::InvalidArgumentError(
        "no tokenizer; give --tokenizer PATH of a tokenizer's folder or file, "
        "or --tokenizer char");
  }
  const bool reads_twice = options.tokenizer == kCharTokenizer;
  if (reads_twice &&
      std::count(options.inputs.begin(), options.inputs.end(), "-") > 0) {
    return absl::InvalidArgumentError(
        "--tokenizer char reads its input twice, which standard input does not "
        "allow; give files, or the folder of a chars.json as --tokenizer");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Tokenizer>> BuildFromInputs(
    const PrepareOptions& options, const DocumentSeparator& separator,
    uint64_t total_bytes) {
  ByteProgress progress("find characters", total_bytes, options.terminal,
                        options.progress);
  CharVocabulary vocabulary;
  const auto add = [&](absl::string_view piece) {
    return vocabulary.Add(piece);
  };
  const auto end = [] { return absl::OkStatus(); };
  const auto update = [&](uint64_t bytes) { progress.Update(bytes); };
  RETURN_IF_ERROR(ReadDocuments(options.inputs, separator, {add, end, update}));
  return vocabulary.Build();
}

bool SameTokenizer(const Tokenizer& a, const Tokenizer& b) {
  if (a.kind() != b.kind() || a.vocab_size() != b.vocab_size() ||
      a.eod() != b.eod() || a.bos() != b.bos()) {
    return false;
  }
  for (int32_t id = 0; id < a.vocab_size(); ++id) {
    const auto text_a = a.Decode({id});
    const auto text_b = b.Decode({id});
    if (text_a.ok() != text_b.ok() || (text_a.ok() && *text_a != *text_b)) {
      return false;
    }
  }
  return true;
}

// Ids mean nothing without their tokenizer: it goes beside them, and two
// different ones never share a folder.
absl::Status PlaceTokenizer(const Tokenizer& tokenizer,
                            const std::string& folder) {
  RETURN_IF_ERROR(CreateDirectories(folder));
  const auto present = LoadTokenizer(folder);
  if (absl::IsNotFound(present.status())) return tokenizer.Save(folder);
  if (!present.ok()) return present.status();
  if (SameTokenizer(**present, tokenizer)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the output's folder ", folder, " holds another tokenizer (",
      (*present)->kind(), ", ", (*present)->vocab_size(), " ids, not ",
      tokenizer.kind(), ", ", tokenizer.vocab_size(),
      " ids); give another folder, or --tokenizer ", folder, " to use it"));
}

absl::StatusOr<std::optional<int32_t>> MarkId(PrepareOptions::Mark mark,
                                              std::optional<int32_t> id,
                                              absl::string_view flag) {
  if (mark == PrepareOptions::Mark::kNo) return std::nullopt;
  if (mark == PrepareOptions::Mark::kYes && !id.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, ": the tokenizer has no such token; leave the flag out"));
  }
  return id;
}

}  // namespace

absl::StatusOr<PrepareReport> Prepare(const PrepareOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(const DocumentSeparator separator,
                   ParseDocumentSeparator(options.document_separator));
  ASSIGN_OR_RETURN(const uint64_t total_bytes, TotalBytes(options.inputs));
  ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer,
                   options.tokenizer == kCharTokenizer
                       ? BuildFromInputs(options, separator, total_bytes)
                       : LoadTokenizer(options.tokenizer));
  DocumentEncoder::Options marks;
  ASSIGN_OR_RETURN(marks.after, MarkId(options.eod, tokenizer->eod(), "--eod"));
  ASSIGN_OR_RETURN(marks.before,
                   MarkId(options.bos, tokenizer->bos(), "--bos"));
  RETURN_IF_ERROR(PlaceTokenizer(*tokenizer, FolderOf(options.output)));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<TokenFileWriter> writer,
      TokenFileWriter::Create(options.output, tokenizer->vocab_size()));

  PrepareReport report;
  ByteProgress progress("tokenize", total_bytes, options.terminal,
                        options.progress);
  DocumentEncoder encoder(tokenizer.get(), writer.get(), marks);
  const auto add = [&](absl::string_view piece) { return encoder.Add(piece); };
  const auto end = [&] { return encoder.EndDocument(); };
  const auto update = [&](uint64_t bytes) {
    progress.Update(bytes);
    report.bytes = bytes;
  };
  RETURN_IF_ERROR(ReadDocuments(options.inputs, separator, {add, end, update}));
  RETURN_IF_ERROR(writer->Finish());

  report.tokenizer =
      absl::StrCat(tokenizer->kind(), ", ", tokenizer->vocab_size(), " ids");
  report.tokens = encoder.tokens();
  report.documents = encoder.documents();
  report.seconds = progress.seconds();
  return report;
}

}  // namespace perdure
