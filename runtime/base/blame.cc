#include "runtime/base/blame.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace perdure {
namespace {

constexpr char kPayload[] = "perdure/blame";

}  // namespace

absl::Status WrongResultError(const Blame& blame, absl::string_view message) {
  absl::Status status = absl::UnknownError(message);
  status.SetPayload(
      kPayload,
      absl::Cord(absl::StrCat(blame.trusted_step, ";", blame.certain ? 1 : 0,
                              ";", absl::StrJoin(blame.ranks, ","))));
  return status;
}

std::optional<Blame> BlameOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ';');
  Blame blame;
  int certain = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &blame.trusted_step) ||
      !absl::SimpleAtoi(parts[1], &certain)) {
    return std::nullopt;
  }
  blame.certain = certain != 0;
  for (const absl::string_view rank :
       absl::StrSplit(parts[2], ',', absl::SkipEmpty())) {
    if (!absl::SimpleAtoi(rank, &blame.ranks.emplace_back())) {
      return std::nullopt;
    }
  }
  return blame;
}

}  // namespace perdure
