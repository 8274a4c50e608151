#ifndef PERDURE_CHECKPOINT_JOURNAL_NAMES_H_
#define PERDURE_CHECKPOINT_JOURNAL_NAMES_H_

// Every name below <run_dir>/journal, made and parsed here only.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace perdure {

inline constexpr char kJournalDirectory[] = "journal";

// "gen-7.log".
std::string JournalName(int64_t generation);
std::optional<int64_t> ParseJournalName(absl::string_view name);

// <run_dir>/journal/gen-7.log
std::string JournalPath(absl::string_view run_dir, int64_t generation);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_NAMES_H_
