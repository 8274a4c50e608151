#include "tests/support/golden_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "nlohmann/json.hpp"

namespace perdure {
namespace {

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  CHECK(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename T>
std::vector<T> Elements(const char* begin, const char* end) {
  std::vector<T> values(static_cast<size_t>(end - begin) / sizeof(T));
  std::memcpy(values.data(), begin, values.size() * sizeof(T));
  return values;
}

}  // namespace

std::string GoldenPath(absl::string_view path) {
  return absl::StrCat(PERDURE_SOURCE_DIR, "/tests/goldens/", path);
}

GoldenFile::GoldenFile(absl::string_view path) {
  const std::string bytes = ReadBytes(GoldenPath(path));
  uint64_t header_size = 0;
  CHECK_GE(bytes.size(), sizeof(header_size)) << path;
  std::memcpy(&header_size, bytes.data(), sizeof(header_size));
  const char* data = bytes.data() + sizeof(header_size) + header_size;
  const auto header =
      nlohmann::json::parse(bytes.substr(sizeof(header_size), header_size));
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    GoldenTensor tensor;
    tensor.shape = entry["shape"].get<std::vector<int64_t>>();
    const char* begin = data + entry["data_offsets"][0].get<uint64_t>();
    const char* end = data + entry["data_offsets"][1].get<uint64_t>();
    const auto dtype = entry["dtype"].get<std::string>();
    CHECK(dtype == "F32" || dtype == "I32") << path << ": " << dtype;
    if (dtype == "F32") {
      tensor.values = Elements<float>(begin, end);
    } else {
      tensor.ids = Elements<int32_t>(begin, end);
    }
    tensors_[name] = std::move(tensor);
  }
}

const GoldenTensor& GoldenFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  CHECK(found != tensors_.end()) << "no golden tensor " << name;
  return found->second;
}

double RelativeError(const std::vector<float>& want,
                     const std::vector<float>& got,
                     const std::vector<float>& whole) {
  CHECK_EQ(want.size(), got.size());
  double error = 0, scale = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    // A comparison that NaN fails would hide it.
    if (!std::isfinite(got[i])) return HUGE_VAL;
    error = std::max<double>(error, std::abs(double{got[i]} - want[i]));
  }
  for (const float value : whole) {
    scale = std::max<double>(scale, std::abs(value));
  }
  return scale < 1e-6 ? error : error / scale;
}

}  // namespace perdure
