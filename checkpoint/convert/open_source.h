#ifndef PERDURE_CHECKPOINT_CONVERT_OPEN_SOURCE_H_
#define PERDURE_CHECKPOINT_CONVERT_OPEN_SOURCE_H_

// Checkpoints of every kind that can be read, first as they are, then under
// canonical names.

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "checkpoint/convert/apply_rules.h"
#include "checkpoint/foreign/tensor_source.h"
#include "runtime/base/status.h"
#include "runtime/config/model.pb.h"

namespace perdure {

// "perdure", "hf", "deepspeed", "llmc", "llama2c", "pt", "safetensors".
std::vector<std::string> SourceFormats();

// By what lies at the path; NotFound says what was looked for.
absl::StatusOr<std::string> DetectFormat(const std::string& path);

// A checkpoint as it is. `format` is one of SourceFormats().
absl::StatusOr<TensorSource> OpenSource(const std::string& path,
                                        absl::string_view format);

// How to read a source; empty: what its format says.
struct ReadOptions {
  std::string format;
  std::string rules;         // a shipped set or a file
  std::string model;         // a directory with config.json, or such a file
  bool needs_model = false;  // else one that is not known is no error
};

struct CanonicalSource {
  std::string description;
  std::string format;
  std::string directory;    // of tokenizer files; or ""
  std::string config_json;  // Hugging Face's, as it was; or ""
  RunState run;
  std::optional<ModelConfig> model;      // resolved; none: names are unchecked
  std::vector<ConvertedTensor> tensors;  // of the model, if there is one
  std::vector<AveragedTensor> averaged;
  std::vector<std::string> notes;
};

// The tensors under canonical names, checked against the model where it is
// known. See ApplyRules and FitToModel for errors.
absl::StatusOr<CanonicalSource> OpenCanonical(const std::string& path,
                                              const ReadOptions& options);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_OPEN_SOURCE_H_
