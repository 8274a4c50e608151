#ifndef PERDURE_CHECKPOINT_CONVERT_APPLY_RULES_H_
#define PERDURE_CHECKPOINT_CONVERT_APPLY_RULES_H_

// A set of rules at work on the tensors of a source.

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/convert/rule_match.h"
#include "checkpoint/convert/rules.pb.h"
#include "checkpoint/foreign/tensor_source.h"
#include "runtime/base/status.h"

namespace perdure {

struct ConvertedTensor {
  std::string name;
  StateKind kind = StateKind::kWeight;
  LazyRef tensor;
  bool flat = false;  // as in SourceTensor
};

struct AveragedTensor {
  std::string name;
  std::shared_ptr<const MeanTensor> mean;
};

struct RuleResult {
  std::vector<ConvertedTensor> tensors;  // names distinct within a kind
  std::vector<AveragedTensor> averaged;
};

// Applies the rules to each kind of state on its own. `model` (may be null)
// gives sizes their meaning and says whether the head is tied. Otherwise one
// FailedPrecondition, after `where`, lists every tensor that no rule or several
// match, every pattern that matches no weight, what is missing for a rule, what
// has a shape or dtype that a rule does not fit, and every name that two rules
// make.
absl::StatusOr<RuleResult> ApplyRules(const ConversionRules& rules,
                                      Direction direction,
                                      const std::vector<SourceTensor>& tensors,
                                      const ModelConfig* model,
                                      absl::string_view where);

// The tensors as they are, without rules. The same errors for unreadable ones.
absl::StatusOr<RuleResult> KeepNames(const std::vector<SourceTensor>& tensors,
                                     absl::string_view where);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_APPLY_RULES_H_
