#include "checkpoint/journal/names.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"

namespace perdure {

std::string JournalName(int64_t generation) {
  return absl::StrCat("gen-", generation, ".log");
}

std::optional<int64_t> ParseJournalName(absl::string_view name) {
  int64_t generation = 0;
  if (!absl::ConsumePrefix(&name, "gen-") ||
      !absl::ConsumeSuffix(&name, ".log") || name.empty() ||
      !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) ||
      !absl::SimpleAtoi(name, &generation)) {
    return std::nullopt;
  }
  // One name a generation: no "gen-07.log".
  if (generation <= 0 || name[0] == '0') return std::nullopt;
  return generation;
}

std::string JournalPath(absl::string_view run_dir, int64_t generation) {
  return JoinPath(JoinPath(run_dir, kJournalDirectory),
                  JournalName(generation));
}

}  // namespace perdure
