#include "checkpoint/snapshot/results.h"

#include "absl/strings/str_cat.h"

namespace perdure {

absl::StatusOr<std::vector<std::string>> ShareResults(
    Communicator& world, const absl::StatusOr<std::string>& mine) {
  // The first byte is the status code, 0 for a text.
  std::string message(1, static_cast<char>(mine.status().code()));
  absl::StrAppend(&message, mine.ok() ? *mine : mine.status().message());
  ASSIGN_OR_RETURN(std::vector<std::string> all,
                   AllGatherStrings(world, message));
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const auto code = static_cast<absl::StatusCode>(all[rank].at(0));
    all[rank].erase(0, 1);
    if (code != absl::StatusCode::kOk) {
      return absl::Status(
          code, all.size() == 1 ? all[rank]
                                : absl::StrCat("rank ", rank, ": ", all[rank]));
    }
  }
  return all;
}

}  // namespace perdure
