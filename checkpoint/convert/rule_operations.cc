#include "checkpoint/convert/rule_operations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/tensor_index.h"

namespace perdure {
namespace {

// How many pieces there are, or are to be made.
absl::StatusOr<int64_t> CountPieces(const CompiledRule& rule,
                                    const TensorGrid& inputs,
                                    const Symbols& symbols) {
  if (rule.gathers) return static_cast<int64_t>(inputs[0].size());
  const Over& over = rule.rule->over();
  // Theirs is a stack: it says how many.
  if (over.how() == Over::STACKED && !rule.counts_theirs &&
      !inputs[0][0]->shape().empty()) {
    return inputs[0][0]->shape()[0];
  }
  if (over.how() == Over::STACKED && rule.counts_theirs &&
      !inputs[0][0]->shape().empty() && !over.has_count()) {
    return inputs[0][0]->shape()[0];
  }
  if (!over.has_count()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'over' needs 'count' to write {", over.capture(), "}"));
  }
  return Evaluate(over.count(), symbols);
}

class RuleRun {
 public:
  RuleRun(const CompiledRule& rule, Direction direction, Symbols symbols)
      : rule_(rule), direction_(direction), symbols_(std::move(symbols)) {}

  absl::StatusOr<RuleOutput> Run(
      const TensorGrid& inputs,
      const std::vector<std::vector<std::string>>& names) {
    int64_t count = 1;
    if (rule_.rule->has_over()) {
      ASSIGN_OR_RETURN(count, CountPieces(rule_, inputs, symbols_));
      symbols_[rule_.counter] = count;
    }
    TensorGrid grid = inputs;
    if (direction_ == Direction::kToOurs) {
      RETURN_IF_ERROR(Over(count, names, &grid));
      RETURN_IF_ERROR(EachPiece(&grid));
    } else {
      RETURN_IF_ERROR(EachPiece(&grid));
      RETURN_IF_ERROR(Over(count, {}, &grid));
    }
    output_.tensors = std::move(grid);
    return std::move(output_);
  }

 private:
  // Combines or divides what lies at each pattern.
  absl::Status Over(int64_t count,
                    const std::vector<std::vector<std::string>>& names,
                    TensorGrid* grid) {
    if (!rule_.rule->has_over()) return absl::OkStatus();
    for (size_t p = 0; p < grid->size(); ++p) {
      std::vector<LazyRef>& pieces = (*grid)[p];
      if (rule_.gathers) {
        // On the way to theirs the pieces have no names of their own.
        const std::vector<std::string> labels =
            p < names.size() ? names[p]
                             : std::vector<std::string>(pieces.size());
        ASSIGN_OR_RETURN(LazyRef whole,
                         Combine(rule_.rule->over(), pieces, labels, &output_));
        pieces = {std::move(whole)};
      } else {
        ASSIGN_OR_RETURN(pieces, Divide(rule_.rule->over(), pieces[0], count));
      }
    }
    return absl::OkStatus();
  }

  // Reorders and regroups copy by copy.
  absl::Status EachPiece(TensorGrid* grid) {
    const size_t copies = (*grid)[0].size();
    TensorGrid result(rule_.to.size());
    for (size_t c = 0; c < copies; ++c) {
      std::vector<LazyRef> side;
      for (const std::vector<LazyRef>& of_pattern : *grid) {
        side.push_back(of_pattern[c]);
      }
      if (direction_ == Direction::kToOurs) RETURN_IF_ERROR(ReorderAll(&side));
      ASSIGN_OR_RETURN(side, Regroup(*rule_.rule, direction_, side, symbols_));
      if (direction_ == Direction::kToTheirs) {
        RETURN_IF_ERROR(ReorderAll(&side));
      }
      for (size_t p = 0; p < side.size(); ++p) result[p].push_back(side[p]);
    }
    *grid = std::move(result);
    return absl::OkStatus();
  }

  absl::Status ReorderAll(std::vector<LazyRef>* side) {
    for (LazyRef& tensor : *side) {
      ASSIGN_OR_RETURN(tensor,
                       Reorder(*rule_.rule, direction_, tensor, symbols_));
    }
    return absl::OkStatus();
  }

  const CompiledRule& rule_;
  const Direction direction_;
  Symbols symbols_;
  RuleOutput output_;
};

absl::Status CheckAlike(const std::vector<LazyRef>& pieces, int free_dim) {
  for (const LazyRef& piece : pieces) {
    std::vector<int64_t> shape = piece->shape();
    if (free_dim >= 0 && static_cast<size_t>(free_dim) < shape.size() &&
        shape.size() == pieces[0]->shape().size()) {
      shape[free_dim] = pieces[0]->shape()[free_dim];
    }
    if (shape != pieces[0]->shape() || piece->dtype() != pieces[0]->dtype()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "pieces differ: ", DTypeName(pieces[0]->dtype()), " ",
          ShapeText(pieces[0]->shape()), " and ", DTypeName(piece->dtype()),
          " ", ShapeText(piece->shape())));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckDim(const LazyTensor& tensor, int dim) {
  if (dim >= 0 && static_cast<size_t>(dim) < tensor.shape().size()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("has no dim ", dim, ": it is ", ShapeText(tensor.shape())));
}

}  // namespace

absl::StatusOr<RuleOutput> RunRule(
    const CompiledRule& rule, Direction direction, const TensorGrid& inputs,
    const std::vector<std::vector<std::string>>& names, Symbols symbols) {
  return RuleRun(rule, direction, std::move(symbols)).Run(inputs, names);
}

absl::StatusOr<LazyRef> Combine(const Over& over,
                                const std::vector<LazyRef>& pieces,
                                const std::vector<std::string>& names,
                                RuleOutput* output) {
  const bool concatenated = over.how() == Over::CONCATENATED;
  RETURN_IF_ERROR(CheckAlike(pieces, concatenated ? over.dim() : -1));
  switch (over.how()) {
    case Over::CONCATENATED:
      RETURN_IF_ERROR(CheckDim(*pieces[0], over.dim()));
      return Concatenate(pieces, over.dim());
    case Over::REPLICATED:
      return Equal(pieces, names);
    case Over::AVERAGED: {
      const DType dtype = pieces[0]->dtype();
      if (dtype != DType::kF32 && dtype != DType::kBF16 &&
          dtype != DType::kF16) {
        return absl::FailedPreconditionError(absl::StrCat(
            "is ", DTypeName(dtype), ", of which no mean is taken"));
      }
      auto mean = std::make_shared<const MeanTensor>(pieces);
      output->means.push_back(mean);
      return LazyRef(std::move(mean));
    }
    case Over::STACKED:
      break;
  }
  std::vector<LazyRef> layers;
  std::vector<int64_t> shape = pieces[0]->shape();
  shape.insert(shape.begin(), 1);
  for (const LazyRef& piece : pieces) layers.push_back(Reshape(piece, shape));
  return Concatenate(layers, 0);
}

absl::StatusOr<std::vector<LazyRef>> Divide(const Over& over, LazyRef whole,
                                            int64_t count) {
  const bool copied =
      over.how() == Over::REPLICATED || over.how() == Over::AVERAGED;
  if (copied) return std::vector<LazyRef>(count, whole);
  const bool stacked = over.how() == Over::STACKED;
  const int dim = stacked ? 0 : over.dim();
  RETURN_IF_ERROR(CheckDim(*whole, dim));
  const int64_t rows = whole->shape()[dim];
  if (count < 1 || count > rows || (stacked && count != rows)) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot be cut into ", count, " pieces along dim ", dim,
                     ": it is ", ShapeText(whole->shape())));
  }
  std::vector<LazyRef> pieces;
  std::vector<int64_t> without(whole->shape().begin() + (stacked ? 1 : 0),
                               whole->shape().end());
  for (int64_t i = 0, begin = 0; i < count; ++i) {
    // The first ones get one row more where it does not come out even.
    const int64_t length = rows / count + (i < rows % count);
    LazyRef piece = Slice(whole, dim, begin, length);
    pieces.push_back(stacked ? Reshape(std::move(piece), without)
                             : std::move(piece));
    begin += length;
  }
  return pieces;
}

}  // namespace perdure
