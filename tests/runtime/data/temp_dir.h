#ifndef PERDURE_TESTS_RUNTIME_DATA_TEMP_DIR_H_
#define PERDURE_TESTS_RUNTIME_DATA_TEMP_DIR_H_

// A folder that goes away with the test, and small files to put into it.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace perdure {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string File(absl::string_view name) const;
  // Writes `content` and returns the path.
  std::string Write(absl::string_view name, absl::string_view content) const;
  // Writes a .tokens file, with documents where `documents` says.
  std::string WriteTokens(absl::string_view name,
                          const std::vector<int32_t>& ids, int32_t vocab_size,
                          const std::vector<int64_t>& documents = {}) const;

 private:
  std::string path_;
};

// 0, 1, ... n - 1.
std::vector<int32_t> Iota(int64_t n);

}  // namespace perdure

#endif  // PERDURE_TESTS_RUNTIME_DATA_TEMP_DIR_H_
