#ifndef PERDURE_TESTS_SUPPORT_SCRATCH_DIRECTORY_H_
#define PERDURE_TESTS_SUPPORT_SCRATCH_DIRECTORY_H_

#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "runtime/base/file.h"

namespace perdure {

// An empty directory of the test's own, removed at its end.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string path = testing::TempDir() + "/perdure_test_XXXXXX";
    const char* made = mkdtemp(path.data());
    EXPECT_NE(made, nullptr) << path;
    path_ = path;
  }
  ~ScratchDirectory() { EXPECT_TRUE(RemoveTree(path_).ok()); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace perdure

#endif  // PERDURE_TESTS_SUPPORT_SCRATCH_DIRECTORY_H_
