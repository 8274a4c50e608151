#ifndef PERDURE_CHECKPOINT_FOREIGN_TORCH_FILE_H_
#define PERDURE_CHECKPOINT_FOREIGN_TORCH_FILE_H_

// Files of torch.save (PyTorch 1.6 and later): a zip of data.pkl, which
// describes the tensors, and one entry for each storage. docs/convert.md.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/foreign/tensor_source.h"
#include "checkpoint/foreign/zip_archive.h"
#include "runtime/base/status.h"

namespace perdure {

struct TorchContents {
  std::vector<SourceTensor> tensors;  // dotted names; a lone tensor is ""
  std::map<std::string, Scalar> scalars;
};

// Reads what a file describes; the tensors' bytes are read later through
// `pool`. Two names of one tensor are two tensors here. FailedPrecondition for
// the format before PyTorch 1.6, and where the pickle asks for more than
// tensors and plain values; DataLoss for a damaged file.
absl::StatusOr<TorchContents> ReadTorchFile(const std::string& path,
                                            std::shared_ptr<ZipPool> pool);

// A .pt, .pth or .bin file; or all such files of a directory, each tensor's
// name behind its file's without suffix ("tp_00:layers.0.weight").
absl::StatusOr<TensorSource> OpenTorch(const std::string& path);

// pytorch_model.bin of a Hugging Face directory, or the files that
// pytorch_model.bin.index.json names.
absl::StatusOr<std::vector<SourceTensor>> OpenTorchShards(
    const std::string& directory);
bool HasTorchShards(const std::string& directory);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FOREIGN_TORCH_FILE_H_
