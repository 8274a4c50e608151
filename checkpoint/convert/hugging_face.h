#ifndef PERDURE_CHECKPOINT_CONVERT_HUGGING_FACE_H_
#define PERDURE_CHECKPOINT_CONVERT_HUGGING_FACE_H_

// Hugging Face directories: config.json + model.safetensors (or shards with
// model.safetensors.index.json) + tokenizer files.

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/status.h"

namespace perdure {

// A directory as a source of weights (kind kWeight), names made canonical.
// Unknown tensors, and tensors the model needs but the directory lacks, are one
// FailedPrecondition that lists them all with the nearest names. Reads only the
// runs asked for.
class HuggingFaceDirectory : public StateSource {
 public:
  static absl::StatusOr<std::unique_ptr<HuggingFaceDirectory>> Open(
      absl::string_view dir);
  virtual const ModelConfig& model() const = 0;  // resolved
};

// Any place weights come from: a snapshot directory, a run directory (its
// newest snapshot) or a Hugging Face directory.
struct ModelSource {
  std::unique_ptr<StateSource> source;
  ModelConfig model;      // resolved
  std::string directory;  // the directory really used (for its tokenizer)
  bool is_snapshot = false;
};
absl::StatusOr<ModelSource> OpenModelSource(absl::string_view path);

// `perdure-ckpt import`: a snapshot (step 0, weights only) at `snapshot_dir`
// from a Hugging Face directory; names, dtypes, shapes and bytes are kept.
absl::Status ImportHuggingFace(absl::string_view hf_dir,
                               absl::string_view snapshot_dir);
// `perdure-ckpt export`: the weights of a snapshot as a Hugging Face directory.
absl::Status ExportHuggingFace(absl::string_view snapshot_dir,
                               absl::string_view hf_dir);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_HUGGING_FACE_H_
