#include "tests/support/torch_writer.h"

#include <zip.h>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

// Instructions of pickle's protocol 2.
std::string Number(int64_t value) {
  std::string code = "J";  // BININT
  for (int i = 0; i < 4; ++i) code += static_cast<char>(value >> (8 * i));
  return code;
}

std::string Text(absl::string_view text) {
  std::string code = Number(static_cast<int64_t>(text.size()));
  code[0] = 'X';  // BINUNICODE
  return absl::StrCat(code, text);
}

std::string Tuple(const std::vector<int64_t>& values) {
  std::string code = "(";
  for (const int64_t value : values) code += Number(value);
  return code + "t";
}

std::string TensorPickle(const std::vector<int64_t>& shape, int64_t elements) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0; stride *= shape[d]) {
    strides[d] = stride;
  }
  return absl::StrCat(
      "\x80\x02}", Text("param"), "ctorch._utils\n_rebuild_tensor_v2\n((",
      Text("storage"), "ctorch\nFloatStorage\n", Text("0"), Text("cpu"),
      Number(elements), "tQ", Number(0), Tuple(shape), Tuple(strides),
      "\x89"
      "ccollections\nOrderedDict\n)RtRs.");
}

absl::Status WriteZip(
    const std::string& path,
    const std::vector<std::pair<std::string, absl::string_view>>& entries) {
  int error = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  if (archive == nullptr) return absl::InternalError(path);
  for (const auto& [name, bytes] : entries) {
    zip_source_t* source =
        zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const zip_int64_t index = zip_file_add(
        archive, absl::StrCat("archive/", name).c_str(), source, 0);
    if (index < 0 ||
        zip_set_file_compression(archive, index, ZIP_CM_STORE, 0) != 0) {
      zip_discard(archive);
      return absl::InternalError(path);
    }
  }
  return zip_close(archive) == 0 ? absl::OkStatus() : absl::InternalError(path);
}

}  // namespace

absl::Status WriteTorchParam(const std::string& path,
                             const std::vector<int64_t>& shape,
                             const std::vector<float>& values) {
  const std::string pickle =
      TensorPickle(shape, static_cast<int64_t>(values.size()));
  const absl::string_view bytes(reinterpret_cast<const char*>(values.data()),
                                values.size() * sizeof(float));
  return WriteZip(
      path, {{"data.pkl", pickle}, {"data/0", bytes}, {"version", "3\n"}});
}

absl::Status WriteTorchInt(const std::string& path, int value) {
  const std::string pickle = absl::StrCat("\x80\x02", Number(value), ".");
  return WriteZip(path, {{"data.pkl", pickle}, {"version", "3\n"}});
}

}  // namespace perdure
