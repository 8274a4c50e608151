#ifndef PERDURE_TESTS_SUPPORT_GOLDEN_FILE_H_
#define PERDURE_TESTS_SUPPORT_GOLDEN_FILE_H_

// A safetensors file of expected values (tests/goldens), read without any of
// the code under test.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace perdure {

struct GoldenTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;  // of dtype F32
  std::vector<int32_t> ids;   // of dtype I32
};

class GoldenFile {
 public:
  // `path` is relative to tests/goldens. CHECKs that the file is what
  // make_goldens.py writes.
  explicit GoldenFile(absl::string_view path);

  bool Has(const std::string& name) const { return tensors_.contains(name); }
  const GoldenTensor& at(const std::string& name) const;
  const std::map<std::string, GoldenTensor>& tensors() const {
    return tensors_;
  }

 private:
  std::map<std::string, GoldenTensor> tensors_;
};

std::string GoldenPath(absl::string_view path);

// max|got - want| / max|whole|, by which tensors are compared with PyTorch's.
// `want` and `got` may be a shard: the scale is that of the whole tensor, so
// that cutting it changes nothing. Where `whole` is nothing but rounding (below
// 1e-6 throughout: gradients that are zero in exact arithmetic), max|got -
// want| itself.
double RelativeError(const std::vector<float>& want,
                     const std::vector<float>& got,
                     const std::vector<float>& whole);

}  // namespace perdure

#endif  // PERDURE_TESTS_SUPPORT_GOLDEN_FILE_H_
