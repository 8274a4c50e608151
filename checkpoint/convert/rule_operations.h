#ifndef PERDURE_CHECKPOINT_CONVERT_RULE_OPERATIONS_H_
#define PERDURE_CHECKPOINT_CONVERT_RULE_OPERATIONS_H_

// What a rule makes of its tensors. All operations are views: nothing is read
// here. Errors are FailedPrecondition for shapes that a rule does not fit,
// InvalidArgument for a rule that makes no sense; without the tensors' names,
// which the caller adds.

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/convert/rule_match.h"
#include "checkpoint/convert/size_expression.h"
#include "checkpoint/lazy/lazy_tensor.h"
#include "runtime/base/status.h"

namespace perdure {

// [pattern of the side][copy]
using TensorGrid = std::vector<std::vector<LazyRef>>;

struct RuleOutput {
  TensorGrid tensors;
  std::vector<std::shared_ptr<const MeanTensor>> means;
};

// `names` are the inputs', for messages of copies that differ. `symbols` holds
// the model's and the constants.
absl::StatusOr<RuleOutput> RunRule(
    const CompiledRule& rule, Direction direction, const TensorGrid& inputs,
    const std::vector<std::vector<std::string>>& names, Symbols symbols);

// --- its steps ---

// Theirs -> ours and back, of one tensor: rows, transpose, rotary_heads.
absl::StatusOr<LazyRef> Reorder(const Rule& rule, Direction direction,
                                LazyRef tensor, const Symbols& symbols);

// Theirs -> ours and back, of all tensors of a side.
absl::StatusOr<std::vector<LazyRef>> Regroup(
    const Rule& rule, Direction direction, const std::vector<LazyRef>& tensors,
    const Symbols& symbols);

// The pieces of `over` as one tensor, and a tensor as `count` pieces.
absl::StatusOr<LazyRef> Combine(const Over& over,
                                const std::vector<LazyRef>& pieces,
                                const std::vector<std::string>& names,
                                RuleOutput* output);
absl::StatusOr<std::vector<LazyRef>> Divide(const Over& over, LazyRef whole,
                                            int64_t count);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_RULE_OPERATIONS_H_
