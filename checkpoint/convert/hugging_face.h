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

// Any place weights come from: a snapshot directory, a run directory (its
// newest snapshot), a Hugging Face directory, or any other checkpoint that says
// its model (docs/convert.md). Names are canonical; what does not fit the model
// is one FailedPrecondition that lists it all with the nearest names.
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
// Low-rank adapters are added to the weights they adapt (merge_lora), or they
// alone are written, as a PEFT adapter directory. FailedPrecondition for a
// prefix: PEFT's shifts the positions of the text behind it, so what was
// trained here would be another model there.
struct ExportOptions {
  bool merge_lora = false;
};
absl::Status ExportHuggingFace(absl::string_view snapshot_dir,
                               absl::string_view hf_dir,
                               const ExportOptions& options = {});

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_HUGGING_FACE_H_
