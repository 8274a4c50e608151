#include "runtime/data/example_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

constexpr char kByteOrderMark[] = "\xEF\xBB\xBF";

std::vector<std::string> Cells(absl::string_view line) {
  std::vector<std::string> cells;
  for (const absl::string_view cell : absl::StrSplit(line, '\t')) {
    cells.emplace_back(absl::StripAsciiWhitespace(cell));
  }
  return cells;
}

Example::Field FieldOf(const std::string& name, const nlohmann::json& value) {
  if (value.is_string()) return {name, value.get<std::string>(), ""};
  if (value.is_number() || value.is_boolean()) return {name, value.dump(), ""};
  return {name, "",
          value.is_array()    ? "a list"
          : value.is_object() ? "an object"
                              : "null"};
}

}  // namespace

absl::StatusOr<absl::string_view> Example::Get(absl::string_view field) const {
  std::vector<std::string> names;
  for (const Field& candidate : fields_) {
    names.push_back(candidate.name);
    if (candidate.name != field) continue;
    if (candidate.not_text.empty()) return absl::string_view(candidate.text);
    return absl::FailedPreconditionError(absl::StrCat(
        where_, ": field \"", field, "\" is ", candidate.not_text,
        "; give it a string, a number or a boolean, or leave the line out"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      where_, ": no field \"", field, "\"", DidYouMean(field, names),
      "; the line has \"", absl::StrJoin(names, "\", \""),
      "\" (the columns of a .tsv file without a header line are "
      "named by task.column)"));
}

absl::StatusOr<ExampleFile> ExampleFile::Open(
    const std::string& path, const std::vector<std::string>& columns) {
  ExampleFile file;
  file.path_ = path;
  file.table_ = absl::EndsWith(path, ".tsv");
  if (!file.table_ && !absl::EndsWith(path, ".jsonl")) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": no file of examples; name a .jsonl or a .tsv "
                     "file"));
  }
  ASSIGN_OR_RETURN(file.file_, MappedFile::Open(path));
  file.columns_ = columns;
  file.FindLines();
  if (file.table_ && columns.empty()) RETURN_IF_ERROR(file.ReadHeader());
  if (file.lines_.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": has no examples; give one a line"));
  }
  return file;
}

void ExampleFile::FindLines() {
  absl::string_view rest(reinterpret_cast<const char*>(file_.data()),
                         file_.size());
  absl::ConsumePrefix(&rest, kByteOrderMark);
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const absl::string_view text = absl::StripSuffix(rest.substr(0, end), "\r");
    // A line of tabs is a row of empty values.
    if (!absl::StripLeadingAsciiWhitespace(text).empty() ||
        (table_ && absl::StrContains(text, '\t'))) {
      lines_.push_back({number, text});
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

absl::Status ExampleFile::ReadHeader() {
  if (lines_.empty()) return absl::OkStatus();
  columns_ = Cells(lines_.front().text);
  const std::set<std::string> distinct(columns_.begin(), columns_.end());
  if (distinct.size() != columns_.size() || distinct.count("") > 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        Where(lines_.front()),
        ": the header line has empty or equal names; correct it, or name the "
        "columns in task.column if the file has no header line"));
  }
  has_header_ = true;
  lines_.erase(lines_.begin());
  return absl::OkStatus();
}

std::string ExampleFile::Where(const Line& line) const {
  return absl::StrCat(path_, ":", line.number);
}

absl::StatusOr<Example> ExampleFile::Read(int64_t index) const {
  const Line& line = lines_[static_cast<size_t>(index)];
  ASSIGN_OR_RETURN(std::vector<Example::Field> fields,
                   table_ ? ParseRow(line) : ParseJson(line));
  return Example(Where(line), std::move(fields));
}

absl::StatusOr<std::vector<Example::Field>> ExampleFile::ParseJson(
    const Line& line) const {
  const auto json =
      nlohmann::json::parse(line.text.begin(), line.text.end(), nullptr,
                            /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::FailedPreconditionError(
        absl::StrCat(Where(line),
                     ": not a JSON object; write one a line, such as "
                     "{\"text\": \"...\", \"label\": 1}"));
  }
  std::vector<Example::Field> fields;
  for (const auto& [name, value] : json.items()) {
    fields.push_back(FieldOf(name, value));
  }
  return fields;
}

absl::StatusOr<std::vector<Example::Field>> ExampleFile::ParseRow(
    const Line& line) const {
  std::vector<std::string> cells = Cells(line.text);
  if (cells.size() != columns_.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat(Where(line), ": ", cells.size(), " columns, but ",
                     has_header_ ? "the header line" : "task.column", " names ",
                     columns_.size(), " (", absl::StrJoin(columns_, ", "),
                     "); separate values by one tab each"));
  }
  std::vector<Example::Field> fields;
  for (size_t i = 0; i < cells.size(); ++i) {
    fields.push_back({columns_[i], std::move(cells[i]), ""});
  }
  return fields;
}

}  // namespace perdure
