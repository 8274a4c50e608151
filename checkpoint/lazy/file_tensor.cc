#include "checkpoint/lazy/file_tensor.h"

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

class FileTensor : public LazyTensor {
 public:
  FileTensor(std::shared_ptr<const File> file, uint64_t offset, DType dtype,
             std::vector<int64_t> shape, std::string name)
      : LazyTensor(dtype, std::move(shape)),
        file_(std::move(file)),
        offset_(offset),
        name_(std::move(name)) {}

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    const int64_t size = SizeOf(dtype());
    for (const ShardRun& run : runs) {
      const uint64_t begin = offset_ + run.global_offset * size;
      const absl::Status status =
          file_->ReadAt(begin, base + run.local_offset * size,
                        static_cast<size_t>(run.length * size));
      if (!status.ok()) {
        return Annotate(
            status, absl::StrCat("tensor ", name_, ", bytes ", begin, " to ",
                                 begin + run.length * size));
      }
    }
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<const File> file_;
  const uint64_t offset_;
  const std::string name_;
};

}  // namespace

LazyRef MakeFileTensor(std::shared_ptr<const File> file, uint64_t offset,
                       DType dtype, std::vector<int64_t> shape,
                       std::string name) {
  return std::make_shared<FileTensor>(std::move(file), offset, dtype,
                                      std::move(shape), std::move(name));
}

}  // namespace perdure
