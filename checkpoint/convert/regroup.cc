#include "absl/strings/str_cat.h"
#include "checkpoint/convert/rule_operations.h"
#include "checkpoint/format/tensor_index.h"

namespace perdure {
namespace {

absl::Status Unfit(const LazyTensor& tensor, absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat("is ", ShapeText(tensor.shape()), ": ", what));
}

// Where each group of each part begins and how long it is.
struct PartLayout {
  std::vector<std::vector<int64_t>> sizes;  // [part][group]
  std::vector<int64_t> totals;              // of each part
  int64_t groups = 1;
};

absl::StatusOr<PartLayout> LayOutParts(const Fused& fused,
                                       const Symbols& symbols) {
  PartLayout layout;
  ASSIGN_OR_RETURN(layout.groups, Evaluate(fused.groups(), symbols));
  for (const Part& part : fused.part()) {
    std::vector<int64_t> sizes;
    for (const std::string& size : part.size()) {
      ASSIGN_OR_RETURN(sizes.emplace_back(), Evaluate(size, symbols));
    }
    if (sizes.size() == 1 && layout.groups >= 1 &&
        sizes[0] % layout.groups == 0) {
      sizes.assign(layout.groups, sizes[0] / layout.groups);
    }
    if (static_cast<int64_t>(sizes.size()) != layout.groups) {
      return absl::InvalidArgumentError(
          absl::StrCat("a part of 'fused' has one size, which its ",
                       layout.groups, " groups divide, or one for each group"));
    }
    int64_t total = 0;
    for (const int64_t size : sizes) total += size;
    layout.totals.push_back(total);
    layout.sizes.push_back(std::move(sizes));
  }
  if (layout.totals.empty()) {
    return absl::InvalidArgumentError("'fused' has no parts");
  }
  return layout;
}

// Which rows of a tensor, in which the parts alternate by group, are one part;
// and which rows of the parts such a tensor consists of.
std::vector<Segment> RowsOfPart(const PartLayout& layout, size_t part) {
  std::vector<Segment> rows;
  int64_t at = 0;
  for (int64_t g = 0; g < layout.groups; ++g) {
    for (size_t p = 0; p < layout.sizes.size(); ++p) {
      if (p == part) rows.push_back({0, at, layout.sizes[p][g]});
      at += layout.sizes[p][g];
    }
  }
  return rows;
}

std::vector<Segment> Weave(const PartLayout& layout) {
  std::vector<Segment> rows;
  std::vector<int64_t> at(layout.sizes.size(), 0);
  for (int64_t g = 0; g < layout.groups; ++g) {
    for (size_t p = 0; p < layout.sizes.size(); ++p) {
      rows.push_back({static_cast<int>(p), at[p], layout.sizes[p][g]});
      at[p] += layout.sizes[p][g];
    }
  }
  return rows;
}

// A side of a rule as its parts. `layout` is that of its fused tensor.
absl::StatusOr<std::vector<LazyRef>> ToParts(const std::vector<LazyRef>& side,
                                             const PartLayout& layout,
                                             int dim) {
  int64_t whole = 0;
  for (const int64_t total : layout.totals) whole += total;
  const bool is_fused = side.size() == 1 && layout.totals.size() > 1;
  for (size_t i = 0; i < side.size(); ++i) {
    const int64_t expected = is_fused ? whole : layout.totals[i];
    if (dim < 0 || static_cast<size_t>(dim) >= side[i]->shape().size() ||
        side[i]->shape()[dim] != expected) {
      return Unfit(*side[i], absl::StrCat("dim ", dim, " is not the ", expected,
                                          " of its parts"));
    }
  }
  if (!is_fused) return side;
  std::vector<LazyRef> parts;
  for (size_t p = 0; p < layout.totals.size(); ++p) {
    parts.push_back(Join({side[0]}, dim, RowsOfPart(layout, p)));
  }
  return parts;
}

}  // namespace

absl::StatusOr<std::vector<LazyRef>> Regroup(
    const Rule& rule, Direction direction, const std::vector<LazyRef>& tensors,
    const Symbols& symbols) {
  const size_t theirs = rule.theirs_size();
  const size_t ours = rule.ours_size();
  if (!rule.has_fused()) {
    if (theirs == ours) return tensors;
    return absl::InvalidArgumentError(
        absl::StrCat(theirs, " names of theirs and ", ours,
                     " of ours, but no 'fused' to say how they are one"));
  }
  ASSIGN_OR_RETURN(const PartLayout woven, LayOutParts(rule.fused(), symbols));
  PartLayout plain;  // ours: the parts one after the other
  plain.totals = woven.totals;
  for (const int64_t total : plain.totals) plain.sizes.push_back({total});
  const size_t parts = woven.totals.size();
  if ((theirs != 1 && theirs != parts) || (ours != 1 && ours != parts)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'fused' has ", parts, " parts; either side has one name or as many"));
  }
  const int dim = rule.fused().dim();
  const bool to_ours = direction == Direction::kToOurs;
  ASSIGN_OR_RETURN(const std::vector<LazyRef> split,
                   ToParts(tensors, to_ours ? woven : plain, dim));
  if ((to_ours ? ours : theirs) == parts) return split;
  std::vector<int64_t> first = split[0]->shape();
  first[dim] = 0;
  for (const LazyRef& part : split) {
    std::vector<int64_t> shape = part->shape();
    shape[dim] = 0;
    if (part->dtype() != split[0]->dtype() || shape != first) {
      return Unfit(*part, "the parts of one tensor differ in width or dtype");
    }
  }
  return std::vector<LazyRef>{Join(split, dim, Weave(to_ours ? plain : woven))};
}

}  // namespace perdure
