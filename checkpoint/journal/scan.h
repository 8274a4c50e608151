#ifndef PERDURE_CHECKPOINT_JOURNAL_SCAN_H_
#define PERDURE_CHECKPOINT_JOURNAL_SCAN_H_

// Reads one log, whatever a crash or a bad disk has made of it.

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "checkpoint/journal/journal.pb.h"
#include "runtime/base/status.h"

namespace perdure {

inline constexpr uint32_t kJournalVersion = 1;

// A place in a log between two frames.
struct JournalPosition {
  uint64_t bytes = 0;     // offset
  uint64_t checksum = 0;  // of the frame before it
  friend bool operator==(const JournalPosition&,
                         const JournalPosition&) = default;
};

struct JournalScan {
  JournalHeader header;
  JournalPosition after_header;
  JournalPosition end;          // of what is whole
  uint64_t unbroken_bytes = 0;  // up to the first damage, or to the end
  int64_t damaged_records = 0;  // within that: places left out
  uint64_t ignored_bytes = 0;   // behind it: a torn tail
};

using JournalVisitor =
    absl::FunctionRef<void(const JournalRecord& record, JournalPosition end)>;

// The header of a log. DataLoss if it is not whole: this generation never ran.
// FailedPrecondition for the format of a newer Perdure. `path` is for messages.
absl::StatusOr<JournalScan> ScanHeader(absl::string_view file,
                                       absl::string_view path);

// Calls visit(record, its end) for every whole record in order. What is damaged
// between records is left out and counted; where none follows any more, the
// rest is a torn tail. Never fails but for the header.
absl::StatusOr<JournalScan> ScanJournal(absl::string_view file,
                                        absl::string_view path,
                                        JournalVisitor visit);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_SCAN_H_
