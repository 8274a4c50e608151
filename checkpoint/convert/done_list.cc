#include "checkpoint/convert/done_list.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "checkpoint/format/checksum.h"

namespace perdure {
namespace {

constexpr char kHeader[] = "perdure-convert 1 ";

// "CHECKSUM BYTES OFFSET FILE TENSOR", names escaped, so without spaces.
std::string LineText(const std::string& tensor, const DoneTensor& done) {
  return absl::StrCat(absl::Hex(done.checksum, absl::kZeroPad16), " ",
                      done.bytes, " ", done.offset, " ",
                      absl::WebSafeBase64Escape(done.file), " ",
                      absl::WebSafeBase64Escape(tensor), "\n");
}

// Nothing for a line that was torn.
std::optional<std::pair<std::string, DoneTensor>> ParseLine(
    absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  std::pair<std::string, DoneTensor> entry;
  DoneTensor& done = entry.second;
  if (words.size() != 5 || words[0].size() != 16 ||
      !absl::SimpleHexAtoi(words[0], &done.checksum) ||
      !absl::SimpleAtoi(words[1], &done.bytes) ||
      !absl::SimpleAtoi(words[2], &done.offset) ||
      !absl::WebSafeBase64Unescape(words[3], &done.file) ||
      !absl::WebSafeBase64Unescape(words[4], &entry.first)) {
    return std::nullopt;
  }
  return entry;
}

}  // namespace

void ChecksumChain::Add(const void* block, size_t size) {
  const uint64_t checksum = Checksum(block, size);
  checksums_.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
}

uint64_t ChecksumChain::value() const {
  return Checksum(checksums_.data(), checksums_.size());
}

absl::StatusOr<DoneList> DoneList::Open(const std::string& path,
                                        absl::string_view fingerprint) {
  const std::string header = absl::StrCat(kHeader, fingerprint);
  DoneList list;
  const auto text = ReadFile(path);
  std::vector<absl::string_view> lines;
  // Whole lines only: what is behind the last end of line was torn.
  if (text.ok()) lines = absl::StrSplit(*text, '\n');
  if (lines.size() < 2 || lines[0] != header) {
    ASSIGN_OR_RETURN(list.file_, File::Open(path, File::Mode::kCreate));
    const std::string line = header + "\n";
    RETURN_IF_ERROR(list.file_.Write(line.data(), line.size()));
    return list;
  }
  for (size_t i = 1; i + 1 < lines.size(); ++i) {
    auto entry = ParseLine(lines[i]);
    if (entry.has_value()) list.found_.insert(*std::move(entry));
  }
  ASSIGN_OR_RETURN(list.file_, File::Open(path, File::Mode::kAppend));
  if (!lines.back().empty()) RETURN_IF_ERROR(list.file_.Write("\n", 1));
  return list;
}

absl::Status DoneList::Add(const std::string& tensor, const DoneTensor& done) {
  const std::string line = LineText(tensor, done);
  return file_.Write(line.data(), line.size());
}

}  // namespace perdure
