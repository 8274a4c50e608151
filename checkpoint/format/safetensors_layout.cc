#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/format/safetensors.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

constexpr size_t kAlignment = 64;
static_assert(std::endian::native == std::endian::little,
              "stored bytes are little-endian");

}  // namespace

int64_t TensorShape::elements() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1},
                         std::multiplies<>());
}

uint64_t TensorShape::bytes() const {
  return static_cast<uint64_t>(elements() * SizeOf(dtype));
}

SafetensorsLayout LayOutSafetensors(const std::vector<TensorShape>& tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const int64_t size_a = SizeOf(tensors[a].dtype);
    const int64_t size_b = SizeOf(tensors[b].dtype);
    return size_a != size_b ? size_a > size_b
                            : tensors[a].name < tensors[b].name;
  });

  SafetensorsLayout layout;
  layout.offsets.resize(tensors.size());
  // transformers refuses a file that does not say its framework.
  std::string json = R"({"__metadata__":{"format":"pt"})";
  uint64_t begin = 0;
  for (const size_t i : order) {
    const TensorShape& tensor = tensors[i];
    const uint64_t end = begin + tensor.bytes();
    absl::StrAppend(&json, ",", JsonString(tensor.name), R"(:{"dtype":")",
                    DTypeName(tensor.dtype), R"(","shape":[)",
                    absl::StrJoin(tensor.shape, ","), R"(],"data_offsets":[)",
                    begin, ",", end, "]}");
    layout.offsets[i] = begin;
    begin = end;
  }
  json.push_back('}');
  const size_t unpadded = sizeof(uint64_t) + json.size();
  json.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');

  const uint64_t length = json.size();
  layout.header.resize(sizeof(length));
  std::memcpy(layout.header.data(), &length, sizeof(length));
  layout.header += json;
  for (uint64_t& offset : layout.offsets) offset += layout.header.size();
  layout.file_bytes = layout.header.size() + begin;
  return layout;
}

}  // namespace perdure
