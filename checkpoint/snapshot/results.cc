#include "checkpoint/snapshot/results.h"

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

// The first byte is the status code, 0 for a text.
absl::StatusOr<std::vector<std::string>> Gather(
    Communicator& world, const absl::StatusOr<std::string>& mine) {
  std::string message(1, static_cast<char>(mine.status().code()));
  absl::StrAppend(&message, mine.ok() ? *mine : mine.status().message());
  return AllGatherStrings(world, message);
}

// The lowest rank's error; takes the codes off the texts.
absl::Status FirstError(std::vector<std::string>* all) {
  absl::Status first;
  for (size_t rank = 0; rank < all->size(); ++rank) {
    std::string& text = (*all)[rank];
    const auto code = static_cast<absl::StatusCode>(text.at(0));
    text.erase(0, 1);
    if (code == absl::StatusCode::kOk) continue;
    first.Update(absl::Status(
        code,
        all->size() == 1 ? text : absl::StrCat("rank ", rank, ": ", text)));
  }
  return first;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ShareResults(
    Communicator& world, const absl::StatusOr<std::string>& mine) {
  ASSIGN_OR_RETURN(std::vector<std::string> all, Gather(world, mine));
  RETURN_IF_ERROR(FirstError(&all));
  return all;
}

absl::Status ShareStatus(Communicator& world, const absl::Status& mine,
                         absl::Status* common) {
  const absl::StatusOr<std::string> text =
      mine.ok() ? absl::StatusOr<std::string>("") : mine;
  ASSIGN_OR_RETURN(std::vector<std::string> all, Gather(world, text));
  *common = FirstError(&all);
  return absl::OkStatus();
}

}  // namespace perdure
