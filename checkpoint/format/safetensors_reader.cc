#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/format/safetensors.h"
#include "nlohmann/json.hpp"
#include "runtime/base/text.h"

namespace perdure {
namespace {

using nlohmann::json;

// The reference implementation's limit; real headers are below 10 MB.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

absl::Status Damaged(absl::string_view path, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(path, ": not a valid safetensors file: ", what));
}

// 0: not a dtype of the format.
uint64_t ElementSize(absl::string_view dtype) {
  static constexpr std::pair<absl::string_view, uint64_t> kSizes[] = {
      {"BOOL", 1},    {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
      {"F8_E8M0", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},     {"BF16", 2},
      {"I32", 4},     {"U32", 4}, {"F32", 4}, {"I64", 8},     {"U64", 8},
      {"F64", 8},     {"C64", 8}};
  for (const auto& [name, size] : kSizes) {
    if (name == dtype) return size;
  }
  return 0;
}

// Parses without exceptions; null with `*duplicate` set if a name is there
// twice (the JSON library would keep the last one silently).
json ParseJson(const std::string& text, std::string* duplicate) {
  std::set<std::string> names;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::key && depth == 1 &&
        !names.insert(value.get<std::string>()).second) {
      *duplicate = value.get<std::string>();
    }
    return true;
  };
  return json::parse(text, watch, /*allow_exceptions=*/false);
}

bool ParseNumbers(const json& object, const char* key,
                  std::vector<uint64_t>* numbers) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return false;
  for (const json& number : *found) {
    if (!number.is_number_unsigned()) return false;
    numbers->push_back(number.get<uint64_t>());
  }
  return true;
}

// Bytes of a tensor, or false where they do not fit in 63 bits.
bool TensorBytes(const std::vector<uint64_t>& shape, uint64_t element_size,
                 uint64_t* bytes) {
  *bytes = element_size;
  for (const uint64_t extent : shape) {
    if (extent > INT64_MAX || __builtin_mul_overflow(*bytes, extent, bytes) ||
        *bytes > INT64_MAX) {
      return false;
    }
  }
  return true;
}

absl::StatusOr<SafetensorsTensor> ParseTensor(absl::string_view path,
                                              const std::string& name,
                                              const json& entry,
                                              uint64_t data_bytes) {
  const std::string where = absl::StrCat("tensor ", JsonString(name), ": ");
  std::vector<uint64_t> shape;
  std::vector<uint64_t> range;
  if (!entry.is_object() || !entry.contains("dtype") ||
      !entry["dtype"].is_string() || !ParseNumbers(entry, "shape", &shape) ||
      !ParseNumbers(entry, "data_offsets", &range) || range.size() != 2) {
    return Damaged(path, absl::StrCat(where, "dtype, shape or data_offsets ",
                                      "are missing or of the wrong type"));
  }
  SafetensorsTensor tensor;
  tensor.name = name;
  tensor.dtype_name = entry["dtype"].get<std::string>();
  tensor.dtype = DTypeFromName(tensor.dtype_name);
  const uint64_t element_size = ElementSize(tensor.dtype_name);
  if (element_size == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": ", where, "unknown dtype ", JsonString(tensor.dtype_name)));
  }
  uint64_t bytes = 0;
  if (range[0] > range[1] || range[1] > data_bytes) {
    return Damaged(path, absl::StrCat(where, "data_offsets [", range[0], ", ",
                                      range[1], "] lie outside of the ",
                                      data_bytes, " bytes of data"));
  }
  if (!TensorBytes(shape, element_size, &bytes) ||
      bytes != range[1] - range[0]) {
    return Damaged(path,
                   absl::StrCat(where, "shape [", absl::StrJoin(shape, ", "),
                                "] of ", tensor.dtype_name, " does not fill [",
                                range[0], ", ", range[1], "]"));
  }
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.offset = range[0];
  tensor.bytes = bytes;
  return tensor;
}

// Every byte of the data belongs to one tensor.
absl::Status CheckTiling(absl::string_view path,
                         const std::vector<SafetensorsTensor>& tensors,
                         uint64_t data_bytes) {
  uint64_t end = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    if (tensor.offset != end) {
      return Damaged(
          path, absl::StrCat("tensor ", JsonString(tensor.name), " begins at ",
                             tensor.offset, " but the one before ends at ", end,
                             tensor.offset < end ? ": they overlap"
                                                 : ": there is a hole"));
    }
    end += tensor.bytes;
  }
  if (end != data_bytes) {
    return Damaged(path, absl::StrCat("the tensors end at byte ", end,
                                      " of the data, which has ", data_bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadHeaderText(const File& file,
                                           uint64_t file_bytes) {
  if (file_bytes < sizeof(uint64_t)) {
    return Damaged(file.path(), absl::StrCat("only ", file_bytes, " bytes"));
  }
  uint64_t length = 0;
  RETURN_IF_ERROR(file.ReadAt(0, &length, sizeof(length)));
  if (length > kMaxHeaderBytes || length > file_bytes - sizeof(length)) {
    return Damaged(file.path(),
                   absl::StrCat("a header of ", length, " bytes in a file of ",
                                file_bytes));
  }
  std::string text(length, '\0');
  RETURN_IF_ERROR(file.ReadAt(sizeof(length), text.data(), text.size()));
  if (text.empty() || text.front() != '{') {
    return Damaged(file.path(), "the header does not start with '{'");
  }
  return text;
}

}  // namespace

absl::StatusOr<std::vector<SafetensorsTensor>> ReadSafetensorsHeader(
    const File& file) {
  ASSIGN_OR_RETURN(const uint64_t file_bytes, file.Size());
  ASSIGN_OR_RETURN(const std::string text, ReadHeaderText(file, file_bytes));
  std::string duplicate;
  const json header = ParseJson(text, &duplicate);
  if (!header.is_object()) {
    return Damaged(file.path(), "the header is not a JSON object");
  }
  if (!duplicate.empty()) {
    return Damaged(file.path(), absl::StrCat("tensor ", JsonString(duplicate),
                                             " is listed twice"));
  }
  const uint64_t data_begin = sizeof(uint64_t) + text.size();
  std::vector<SafetensorsTensor> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    ASSIGN_OR_RETURN(
        SafetensorsTensor tensor,
        ParseTensor(file.path(), name, entry, file_bytes - data_begin));
    tensors.push_back(std::move(tensor));
  }
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  RETURN_IF_ERROR(CheckTiling(file.path(), tensors, file_bytes - data_begin));
  for (SafetensorsTensor& tensor : tensors) tensor.offset += data_begin;
  return tensors;
}

}  // namespace perdure
