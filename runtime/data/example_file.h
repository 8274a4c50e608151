#ifndef PERDURE_RUNTIME_DATA_EXAMPLE_FILE_H_
#define PERDURE_RUNTIME_DATA_EXAMPLE_FILE_H_

// Files of examples with named fields: an example a line. Read where they are
// (mapped), a line at a time; only the places of the lines are in memory.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace perdure {

// One line of a file, taken apart.
class Example {
 public:
  struct Field {
    std::string name;
    std::string text;
    std::string not_text;  // why it has no text: "a list"
  };

  Example(std::string where, std::vector<Field> fields)
      : where_(std::move(where)), fields_(std::move(fields)) {}

  const std::string& where() const { return where_; }  // "train.tsv:3"
  // FailedPrecondition: no such field (with those there are), or one without a
  // text. Valid as long as the example.
  absl::StatusOr<absl::string_view> Get(absl::string_view field) const;

 private:
  std::string where_;
  std::vector<Field> fields_;
};

class ExampleFile {
 public:
  // By the name's ending. .jsonl: a JSON object a line; fields are its strings,
  // numbers (as they are written back) and booleans. .tsv: columns separated by
  // tabs, with blanks around the values taken away and no quoting; named by
  // `columns`, or by the first line where these are empty. Empty lines are no
  // examples. InvalidArgument: another ending; FailedPrecondition: no examples,
  // or a header line that names no columns.
  static absl::StatusOr<ExampleFile> Open(
      const std::string& path, const std::vector<std::string>& columns);

  const std::string& path() const { return path_; }
  int64_t size() const { return static_cast<int64_t>(lines_.size()); }
  // FailedPrecondition with file:line: not JSON, another number of columns.
  absl::StatusOr<Example> Read(int64_t index) const;

 private:
  struct Line {
    int64_t number = 0;  // from 1
    absl::string_view text;
  };

  ExampleFile() = default;
  void FindLines();
  absl::Status ReadHeader();
  absl::StatusOr<std::vector<Example::Field>> ParseJson(const Line& line) const;
  absl::StatusOr<std::vector<Example::Field>> ParseRow(const Line& line) const;
  std::string Where(const Line& line) const;

  std::string path_;
  bool table_ = false;
  bool has_header_ = false;
  MappedFile file_;
  std::vector<std::string> columns_;
  std::vector<Line> lines_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_EXAMPLE_FILE_H_
