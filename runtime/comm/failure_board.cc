#include "runtime/comm/failure_board.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace perdure {

void FailureBoard::Report(int world_rank, const absl::Status& status) {
  uint32_t expected = kEmpty;
  if (!state_.compare_exchange_strong(expected, kWriting)) return;
  world_rank_ = world_rank;
  code_ = static_cast<int32_t>(status.code());
  const absl::string_view text = status.message();
  const size_t size = std::min(text.size(), sizeof(text_) - 1);
  std::memcpy(text_, text.data(), size);
  text_[size] = '\0';
  state_.store(kPosted, std::memory_order_release);
}

absl::Status FailureBoard::StatusFor(const std::string& what) const {
  const auto reported = static_cast<absl::StatusCode>(code_);
  const bool handed_on = reported == absl::StatusCode::kDeadlineExceeded ||
                         reported == absl::StatusCode::kInternal;
  return absl::Status(handed_on ? reported : absl::StatusCode::kUnavailable,
                      absl::StrCat(what, ": given up, because world rank ",
                                   world_rank_, " failed: ", text_));
}

}  // namespace perdure
