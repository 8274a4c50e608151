#include "checkpoint/foreign/flat_file.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/lazy/file_tensor.h"
#include "runtime/base/file.h"

namespace perdure {

uint64_t FlatFormat::bytes() const {
  uint64_t total = header.size();
  for (const TensorShape& tensor : tensors) total += tensor.bytes();
  return total;
}

absl::StatusOr<std::vector<SourceTensor>> OpenFlatFile(
    const std::string& path, const FlatFormat& format) {
  ASSIGN_OR_RETURN(File opened, File::Open(path, File::Mode::kRead));
  const auto file = std::make_shared<const File>(std::move(opened));
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size != format.bytes()) {
    return absl::DataLossError(absl::StrCat(
        path, ": ", size, " bytes long, but a model of the sizes in its ",
        "header takes ", format.bytes()));
  }
  std::vector<SourceTensor> tensors;
  uint64_t offset = format.header.size();
  for (const TensorShape& tensor : format.tensors) {
    tensors.push_back(ReadableTensor(
        tensor.name,
        MakeFileTensor(file, offset, tensor.dtype, tensor.shape, tensor.name)));
    offset += tensor.bytes();
  }
  return tensors;
}

absl::Status CheckSizes(const std::string& path,
                        const std::vector<ClaimedSize>& sizes) {
  for (const ClaimedSize& size : sizes) {
    if (size.value >= 1 && size.value <= size.most) continue;
    return absl::DataLossError(absl::StrCat(path, ": header: ", size.name,
                                            " = ", size.value,
                                            " is not in [1, ", size.most, "]"));
  }
  return absl::OkStatus();
}

}  // namespace perdure
