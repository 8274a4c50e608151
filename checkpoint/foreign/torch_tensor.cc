#include "checkpoint/foreign/torch_tensor.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/lazy/file_tensor.h"

namespace perdure {
namespace {

// A storage as a flat tensor.
class StorageTensor : public LazyTensor {
 public:
  StorageTensor(DType dtype, int64_t elements, const TorchStorages& storages,
                const std::string& key)
      : LazyTensor(dtype, {elements}),
        path_(storages.path),
        entry_(storages.prefix + key),
        pool_(storages.pool) {}

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    ASSIGN_OR_RETURN(ZipArchive * archive, pool_->Get(path_));
    const int64_t size = SizeOf(dtype());
    for (const ShardRun& run : runs) {
      RETURN_IF_ERROR(archive->ReadAt(entry_, run.global_offset * size,
                                      base + run.local_offset * size,
                                      static_cast<size_t>(run.length * size)));
    }
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const std::string entry_;
  const std::shared_ptr<ZipPool> pool_;
};

struct StorageType {
  absl::string_view torch_name;
  absl::string_view name;
  std::optional<DType> dtype;
  uint64_t size;
};

const StorageType* FindType(absl::string_view torch_name) {
  static constexpr StorageType kTypes[] = {
      {"torch.FloatStorage", "F32", DType::kF32, 4},
      {"torch.HalfStorage", "F16", DType::kF16, 2},
      {"torch.BFloat16Storage", "BF16", DType::kBF16, 2},
      {"torch.DoubleStorage", "F64", DType::kF64, 8},
      {"torch.LongStorage", "I64", DType::kI64, 8},
      {"torch.IntStorage", "I32", DType::kI32, 4},
      {"torch.ByteStorage", "U8", DType::kU8, 1},
      {"torch.BoolStorage", "BOOL", std::nullopt, 1},
      {"torch.CharStorage", "I8", std::nullopt, 1},
      {"torch.ShortStorage", "I16", std::nullopt, 2}};
  for (const StorageType& type : kTypes) {
    if (type.torch_name == torch_name) return &type;
  }
  return nullptr;
}

absl::Status Damaged(const TorchStorages& storages, const std::string& name,
                     absl::string_view why) {
  return absl::DataLossError(
      absl::StrCat(storages.path, ": tensor ", name, " ", why));
}

// A tuple of numbers that are not negative.
std::optional<std::vector<int64_t>> Numbers(const PickleTree& tree, int node) {
  const PickleNode& tuple = tree.at(node);
  if (tuple.kind != PickleNode::Kind::kTuple &&
      tuple.kind != PickleNode::Kind::kList) {
    return std::nullopt;
  }
  std::vector<int64_t> numbers;
  for (const int item : tuple.items) {
    const PickleNode& number = tree.at(item);
    if (number.kind != PickleNode::Kind::kInt || number.integer < 0) {
      return std::nullopt;
    }
    numbers.push_back(number.integer);
  }
  return numbers;
}

// Whether all elements of the view are among the first `elements`.
bool FitsInto(int64_t elements, int64_t offset,
              const std::vector<int64_t>& shape,
              const std::vector<int64_t>& strides) {
  int64_t last = offset;
  int64_t count = 1;
  bool empty = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t reach = 0;
    empty = empty || shape[i] == 0;
    if (shape[i] > 1 &&
        (__builtin_mul_overflow(shape[i] - 1, strides[i], &reach) ||
         __builtin_add_overflow(last, reach, &last))) {
      return false;
    }
    // A stride of 0 repeats elements: few bytes could become very many.
    if (__builtin_mul_overflow(count, shape[i], &count) ||
        count > INT64_MAX / 8) {
      return false;
    }
  }
  return empty || last < elements;
}

}  // namespace

absl::StatusOr<SourceTensor> MakeTorchTensor(const PickleTree& tree, int node,
                                             const std::string& name,
                                             const TorchStorages& storages) {
  const PickleNode& tensor = tree.at(node);
  const PickleNode& storage = tree.at(tensor.items[0]);
  const PickleNode& offset = tree.at(tensor.items[1]);
  const auto shape = Numbers(tree, tensor.items[2]);
  const auto strides = Numbers(tree, tensor.items[3]);
  if (!shape.has_value() || !strides.has_value() || shape->size() > 16 ||
      shape->size() != strides->size() ||
      offset.kind != PickleNode::Kind::kInt || offset.integer < 0) {
    return Damaged(storages, name, "has no sound shape");
  }
  const std::string& type_name = tree.at(storage.items[0]).text;
  const StorageType* type = FindType(type_name);
  if (type == nullptr) return UnreadableTensor(name, type_name, *shape);
  const auto entry = storages.entries->find(storages.prefix + storage.text);
  if (entry == storages.entries->end() ||
      entry->second.bytes / type->size !=
          static_cast<uint64_t>(storage.integer) ||
      entry->second.bytes % type->size != 0) {
    return Damaged(storages, name,
                   absl::StrCat("is of storage ", storage.text,
                                ", which is missing or has not its ",
                                storage.integer, " elements of ", type->name));
  }
  if (!FitsInto(storage.integer, offset.integer, *shape, *strides)) {
    return Damaged(storages, name, "is a view beyond its storage");
  }
  if (!type->dtype.has_value()) {
    return UnreadableTensor(name, std::string(type->name), *shape);
  }
  const auto view = MakeStridedTensor(
      std::make_shared<StorageTensor>(*type->dtype, storage.integer, storages,
                                      storage.text),
      offset.integer, *shape, *strides);
  if (view.ok()) return ReadableTensor(name, *view);
  SourceTensor unreadable =
      UnreadableTensor(name, std::string(type->name), *shape);
  unreadable.problem = std::string(view.status().message());
  return unreadable;
}

}  // namespace perdure
