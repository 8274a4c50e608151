#include "runtime/data/document_reader.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr char kStandardInput[] = "-";

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};
using Stream = std::unique_ptr<std::FILE, CloseFile>;

absl::StatusOr<Stream> OpenStream(const std::string& path) {
  if (path == kStandardInput) return Stream(stdin);
  if (IsDirectory(path)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is a directory; name text files"));
  }
  Stream stream(std::fopen(path.c_str(), "rb"));
  if (stream == nullptr) return ErrnoStatus("open", path, errno);
  return stream;
}

// Sorts the lines of one file into documents.
class LineSorter {
 public:
  LineSorter(absl::string_view path, const DocumentSeparator& separator,
             const DocumentSink& sink)
      : path_(path), separator_(separator), sink_(sink) {}

  // A piece of a line, which is complete if it ends with a line break.
  absl::Status Add(absl::string_view piece) {
    if (separator_.kind == DocumentSeparator::Kind::kNone) {
      return sink_.text(piece);
    }
    const bool complete = piece.back() == '\n';
    const bool whole = complete && line_.empty();
    if (!whole) line_.append(piece.data(), piece.size());
    // A line that is longer than any separator is text, and need not be kept.
    const bool surely_text =
        separator_.kind != DocumentSeparator::Kind::kJson &&
        line_.size() > kReadBytes;
    if (!complete && !surely_text) return absl::OkStatus();
    RETURN_IF_ERROR(EndLine(whole ? piece : line_));
    line_.clear();
    return absl::OkStatus();
  }

  absl::Status EndFile() {
    if (!line_.empty()) RETURN_IF_ERROR(EndLine(line_));
    if (separator_.kind == DocumentSeparator::Kind::kJson) {
      return absl::OkStatus();
    }
    return sink_.end();
  }

 private:
  absl::Status EndLine(absl::string_view line) {
    ++line_number_;
    switch (separator_.kind) {
      case DocumentSeparator::Kind::kJson:
        return EndJsonLine(line);
      case DocumentSeparator::Kind::kBlank:
        if (absl::StripAsciiWhitespace(line).empty()) return sink_.end();
        break;
      default:
        absl::string_view text = absl::StripSuffix(line, "\n");
        if (absl::StripSuffix(text, "\r") == separator_.text) {
          return sink_.end();
        }
    }
    return sink_.text(line);
  }

  absl::Status EndJsonLine(absl::string_view line) {
    if (absl::StripAsciiWhitespace(line).empty()) return absl::OkStatus();
    const auto json = nlohmann::json::parse(line.begin(), line.end(), nullptr,
                                            /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains(separator_.text) ||
        !json[separator_.text].is_string()) {
      return absl::FailedPreconditionError(absl::StrCat(
          path_, ":", line_number_, ": not a JSON object with a text in \"",
          separator_.text,
          "\"; give the right field in --document_separator jsonl:FIELD"));
    }
    RETURN_IF_ERROR(
        sink_.text(json[separator_.text].get_ref<const std::string&>()));
    return sink_.end();
  }

  absl::string_view path_;
  const DocumentSeparator& separator_;
  const DocumentSink& sink_;
  std::string line_;  // the part of the current line seen so far
  int64_t line_number_ = 0;
};

absl::Status ReadFile(const std::string& path,
                      const DocumentSeparator& separator,
                      const DocumentSink& sink, uint64_t* bytes) {
  ASSIGN_OR_RETURN(const Stream stream, OpenStream(path));
  LineSorter sorter(path, separator, sink);
  std::string buffer(kReadBytes, '\0');
  while (true) {
    const size_t n = std::fread(buffer.data(), 1, buffer.size(), stream.get());
    if (n == 0 && std::ferror(stream.get())) {
      return ErrnoStatus("read", path, errno);
    }
    if (n == 0) return sorter.EndFile();
    absl::string_view rest(buffer.data(), n);
    while (!rest.empty()) {
      const size_t line_break = rest.find('\n');
      const size_t length =
          line_break == absl::string_view::npos ||
                  separator.kind == DocumentSeparator::Kind::kNone
              ? rest.size()
              : line_break + 1;
      RETURN_IF_ERROR(sorter.Add(rest.substr(0, length)));
      rest.remove_prefix(length);
    }
    *bytes += n;
    sink.progress(*bytes);
  }
}

}  // namespace

absl::StatusOr<DocumentSeparator> ParseDocumentSeparator(
    absl::string_view text) {
  using Kind = DocumentSeparator::Kind;
  if (text == "none") return DocumentSeparator{Kind::kNone, ""};
  if (text == "blank") return DocumentSeparator{Kind::kBlank, ""};
  const bool json = absl::ConsumePrefix(&text, "jsonl:");
  if (text.empty() || text.find('\n') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        "--document_separator: expected none, blank, jsonl:FIELD, or the text "
        "of a line such as \"<|endoftext|>\"");
  }
  return DocumentSeparator{json ? Kind::kJson : Kind::kLine, std::string(text)};
}

absl::Status ReadDocuments(const std::vector<std::string>& inputs,
                           const DocumentSeparator& separator,
                           const DocumentSink& sink) {
  uint64_t bytes = 0;
  for (const std::string& path : inputs) {
    RETURN_IF_ERROR(ReadFile(path, separator, sink, &bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> TotalBytes(const std::vector<std::string>& inputs) {
  uint64_t total = 0;
  for (const std::string& path : inputs) {
    if (path == kStandardInput) return uint64_t{0};
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) {
      return ErrnoStatus("open", path, errno);
    }
    if (!S_ISREG(info.st_mode)) return uint64_t{0};
    total += static_cast<uint64_t>(info.st_size);
  }
  return total;
}

}  // namespace perdure
