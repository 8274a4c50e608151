#ifndef PERDURE_CHECKPOINT_CONVERT_FLAT_TARGET_H_
#define PERDURE_CHECKPOINT_CONVERT_FLAT_TARGET_H_

// A model as a file of llm.c or llama2.c. Private to this component.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/convert/apply_rules.h"
#include "checkpoint/foreign/flat_file.h"
#include "runtime/base/status.h"

namespace perdure {

struct FlatTarget {
  FlatFormat format;
  std::vector<ConvertedTensor> tensors;  // of the format's names, each one once
};

// `to` is "llmc" or "llama2c", `dtype` "fp32", "bf16" or "" for the weights'
// own (llama2.c: always fp32).
absl::StatusOr<FlatTarget> MakeFlatTarget(
    absl::string_view to, absl::string_view dtype, const ModelConfig& model,
    const std::vector<ConvertedTensor>& canonical);

// Tensors as something that rules can be applied to.
std::vector<SourceTensor> AsSource(const std::vector<ConvertedTensor>& tensors);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_FLAT_TARGET_H_
