#ifndef PERDURE_CHECKPOINT_FOREIGN_TORCH_TENSOR_H_
#define PERDURE_CHECKPOINT_FOREIGN_TORCH_TENSOR_H_

// Tensors that a torch pickle describes. Private to this component.

#include <memory>
#include <string>

#include "checkpoint/foreign/pickle.h"
#include "checkpoint/foreign/tensor_source.h"
#include "checkpoint/foreign/zip_archive.h"

namespace perdure {

// Where the storages of a pickle are.
struct TorchStorages {
  std::string path;
  std::string prefix;  // "archive/data/"
  const std::map<std::string, ZipArchive::Entry>* entries = nullptr;
  std::shared_ptr<ZipPool> pool;
};

// `node` is a kTensor of `tree`. DataLoss for a view that leaves its storage,
// and for a storage that is missing or of another size.
absl::StatusOr<SourceTensor> MakeTorchTensor(const PickleTree& tree, int node,
                                             const std::string& name,
                                             const TorchStorages& storages);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FOREIGN_TORCH_TENSOR_H_
