#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/convert/rule_operations.h"
#include "checkpoint/format/tensor_index.h"

namespace perdure {
namespace {

absl::Status Unfit(const LazyTensor& tensor, absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat("is ", ShapeText(tensor.shape()), ": ", what));
}

absl::StatusOr<LazyRef> StripOrPad(const Rows& rows, Direction direction,
                                   LazyRef tensor, const Symbols& symbols) {
  ASSIGN_OR_RETURN(const int64_t size, Evaluate(rows.size(), symbols));
  ASSIGN_OR_RETURN(const int64_t multiple,
                   Evaluate(rows.multiple_of(), symbols));
  if (tensor->shape().empty() || multiple < 1) {
    return Unfit(*tensor, "it has no rows");
  }
  const int64_t found = tensor->shape()[0];
  if (direction == Direction::kToOurs) {
    if (found < size) {
      return Unfit(*tensor, absl::StrCat("fewer than ", rows.size(), " = ",
                                         size, " rows"));
    }
    return Slice(std::move(tensor), 0, 0, size);
  }
  const int64_t padded = (found + multiple - 1) / multiple * multiple;
  if (padded == found) return tensor;
  return Join({std::move(tensor)}, 0,
              {{0, 0, found}, {Segment::kZeros, 0, padded - found}});
}

// Pairs (2i, 2i + 1) of each head's rows <-> halves (i, i + E/2).
absl::StatusOr<LazyRef> RotaryRows(const std::string& heads_size,
                                   Direction direction, LazyRef tensor,
                                   const Symbols& symbols) {
  ASSIGN_OR_RETURN(const int64_t heads, Evaluate(heads_size, symbols));
  if (tensor->shape().empty() || heads < 1 ||
      tensor->shape()[0] % (2 * heads) != 0) {
    return Unfit(*tensor,
                 absl::StrCat("its rows are no pairs of ", heads, " heads"));
  }
  const int64_t width = tensor->shape()[0] / heads;
  const int64_t half = width / 2;
  std::vector<Segment> rows;
  for (int64_t row = 0; row < tensor->shape()[0]; ++row) {
    const int64_t head = row / width * width;
    const int64_t at = row % width;
    const int64_t source = direction == Direction::kToOurs
                               ? 2 * (at % half) + at / half
                               : at % 2 * half + at / 2;
    rows.push_back({0, head + source, 1});
  }
  return Join({std::move(tensor)}, 0, std::move(rows));
}

absl::StatusOr<LazyRef> Transposed(LazyRef tensor) {
  if (tensor->shape().size() != 2) return Unfit(*tensor, "it is no matrix");
  return Transpose(std::move(tensor));
}

}  // namespace

absl::StatusOr<LazyRef> Reorder(const Rule& rule, Direction direction,
                                LazyRef tensor, const Symbols& symbols) {
  const bool to_ours = direction == Direction::kToOurs;
  if (to_ours && rule.has_rows()) {
    ASSIGN_OR_RETURN(
        tensor, StripOrPad(rule.rows(), direction, std::move(tensor), symbols));
  }
  if (to_ours && rule.transpose()) {
    ASSIGN_OR_RETURN(tensor, Transposed(std::move(tensor)));
  }
  if (rule.has_rotary_heads()) {
    ASSIGN_OR_RETURN(tensor, RotaryRows(rule.rotary_heads(), direction,
                                        std::move(tensor), symbols));
  }
  if (!to_ours && rule.transpose()) {
    ASSIGN_OR_RETURN(tensor, Transposed(std::move(tensor)));
  }
  if (!to_ours && rule.has_rows()) {
    ASSIGN_OR_RETURN(
        tensor, StripOrPad(rule.rows(), direction, std::move(tensor), symbols));
  }
  return tensor;
}

}  // namespace perdure
