#include "checkpoint/journal/scan.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "checkpoint/journal/frames.h"

namespace perdure {
namespace {

bool Parse(const Frame& frame, google::protobuf::Message* message) {
  return message->ParseFromArray(frame.payload.data(),
                                 static_cast<int>(frame.payload.size()));
}

// What a lineage is made of must make sense, whoever wrote it.
bool IsSound(const JournalHeader& header) {
  return header.generation() > 0 && header.parent_generation() >= 0 &&
         header.parent_generation() < header.generation() &&
         header.fork_step() >= 0 && header.snapshot_step() >= 0;
}

// Damage is looked over for so far: longer than any record but of thousands of
// directions.
constexpr uint64_t kLookAhead = uint64_t{1} << 20;

// The first good frame from `offset` on. A checksum belongs to its place, so
// nothing else is taken for one.
std::optional<Frame> NextFrame(absl::string_view file, uint64_t offset,
                               uint64_t key) {
  const uint64_t end = std::min<uint64_t>(file.size(), offset + kLookAhead);
  for (; offset < end; ++offset) {
    const auto frame = ReadFrame(file.substr(0, end), offset, key);
    if (frame.has_value()) return frame;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<JournalScan> ScanHeader(absl::string_view file,
                                       absl::string_view path) {
  const auto torn = [&](absl::string_view what) {
    return absl::DataLossError(
        absl::StrCat(path, ": ", what, ": this generation never ran"));
  };
  if (!absl::StartsWith(file, kJournalMagic)) {
    return torn("does not begin as a journal");
  }
  const auto frame = ReadFrame(file, kJournalMagic.size(), 0);
  if (!frame.has_value()) return torn("the header is torn or damaged");
  JournalScan scan;
  if (!Parse(*frame, &scan.header)) return torn("the header is no message");
  if (scan.header.version() == 0 || scan.header.version() > kJournalVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": journal version ", scan.header.version(),
                     ", this program reads 1 to ", kJournalVersion,
                     "; use the Perdure that wrote it, or a newer one"));
  }
  if (!IsSound(scan.header)) return torn("the header makes no sense");
  scan.after_header = {frame->end, frame->checksum};
  scan.end = scan.after_header;
  return scan;
}

absl::StatusOr<JournalScan> ScanJournal(absl::string_view file,
                                        absl::string_view path,
                                        JournalVisitor visit) {
  ASSIGN_OR_RETURN(JournalScan scan, ScanHeader(file, path));
  const uint64_t key = scan.end.checksum;
  scan.unbroken_bytes = scan.end.bytes;
  JournalRecord record;
  while (true) {
    std::optional<Frame> frame = ReadFrame(file, scan.end.bytes, key);
    if (!frame.has_value()) {
      frame = NextFrame(file, scan.end.bytes + 1, key);
      if (!frame.has_value()) break;
      ++scan.damaged_records;
    }
    scan.end = {frame->end, frame->checksum};
    if (scan.damaged_records == 0) scan.unbroken_bytes = scan.end.bytes;
    if (Parse(*frame, &record)) visit(record, scan.end);
  }
  scan.ignored_bytes = file.size() - scan.end.bytes;
  return scan;
}

}  // namespace perdure
