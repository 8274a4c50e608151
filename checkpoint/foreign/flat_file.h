#ifndef PERDURE_CHECKPOINT_FOREIGN_FLAT_FILE_H_
#define PERDURE_CHECKPOINT_FOREIGN_FLAT_FILE_H_

// Files that are a header and then tensors in a fixed order: llm.c's and
// llama2.c's.

#include <string>
#include <vector>

#include "checkpoint/foreign/tensor_source.h"
#include "checkpoint/format/safetensors.h"
#include "runtime/base/status.h"
#include "runtime/config/model.pb.h"

namespace perdure {

// What such a file of a model consists of.
struct FlatFormat {
  std::string header;
  std::vector<TensorShape> tensors;  // in the file's order
  uint64_t bytes() const;
};

// The tensors of a file in that format. DataLoss unless the file is exactly as
// long as header and tensors are.
absl::StatusOr<std::vector<SourceTensor>> OpenFlatFile(
    const std::string& path, const FlatFormat& format);

// Sizes that a header may claim, far above every real model: products of them
// stay below 2^63. DataLoss names the file and the size.
struct ClaimedSize {
  const char* name;
  int64_t value;
  int64_t most;
};
absl::Status CheckSizes(const std::string& path,
                        const std::vector<ClaimedSize>& sizes);

// --- llm.c: GPT-2 checkpoints of version 3 (fp32) and 5 (bf16) ---

bool IsLlmcFile(const std::string& path);
absl::StatusOr<TensorSource> OpenLlmc(const std::string& path);
// F32 or BF16. FailedPrecondition for a model that llm.c cannot have.
absl::StatusOr<FlatFormat> LlmcFormat(const ModelConfig& model, DType dtype);

// --- llama2.c: version 0, which run.c reads, and 1; not the 8-bit version 2
// ---

// By the name's end, .bin, and the header's sizes: version 0 has no magic.
bool IsLlama2cFile(const std::string& path);
absl::StatusOr<TensorSource> OpenLlama2c(const std::string& path);
// Version 0; always F32.
absl::StatusOr<FlatFormat> Llama2cFormat(const ModelConfig& model);
// The tables of cosines ("freq_cos") and sines ("freq_sin") of version 0.
LazyRef RotaryTable(const ModelConfig& model, bool sine);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FOREIGN_FLAT_FILE_H_
