#ifndef PERDURE_CHECKPOINT_CONVERT_HUGGING_FACE_FILES_H_
#define PERDURE_CHECKPOINT_CONVERT_HUGGING_FACE_FILES_H_

// The one implementation of HuggingFaceDirectory, with what import needs.

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/format/block_file.h"
#include "checkpoint/format/tensor_index.h"

namespace perdure {

class HuggingFaceFiles : public HuggingFaceDirectory {
 public:
  static absl::StatusOr<std::unique_ptr<HuggingFaceFiles>> Open(
      absl::string_view dir);

  std::string description() const override;
  std::vector<std::string> Names(StateKind kind) const override;
  absl::Status Read(const std::vector<StateRequest>& requests) override;
  const ModelConfig& model() const override { return model_; }
  const TensorIndex& index() const { return index_; }

 private:
  explicit HuggingFaceFiles(absl::string_view dir) : dir_(dir) {}

  const std::string dir_;
  ModelConfig model_;
  TensorIndex index_;
  std::vector<BlockFile> files_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_HUGGING_FACE_FILES_H_
