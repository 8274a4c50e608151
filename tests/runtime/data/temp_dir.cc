#include "tests/runtime/data/temp_dir.h"

#include <stdlib.h>

#include <numeric>

#include "glog/logging.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/data/token_file.h"

namespace perdure {

TempDir::TempDir() {
  std::string name = ::testing::TempDir() + "/perdure_data_XXXXXX";
  CHECK(mkdtemp(name.data()) != nullptr) << name;
  path_ = name;
}

TempDir::~TempDir() { RemoveTree(path_).IgnoreError(); }

std::string TempDir::File(absl::string_view name) const {
  return JoinPath(path_, name);
}

std::string TempDir::Write(absl::string_view name,
                           absl::string_view content) const {
  CHECK(WriteFileAtomically(File(name), content).ok());
  return File(name);
}

std::string TempDir::WriteTokens(absl::string_view name,
                                 const std::vector<int32_t>& ids,
                                 int32_t vocab_size,
                                 const std::vector<int64_t>& documents) const {
  auto writer = TokenFileWriter::Create(File(name), vocab_size);
  CHECK(writer.ok()) << writer.status();
  size_t document = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (document < documents.size() &&
        documents[document] == static_cast<int64_t>(i)) {
      (*writer)->StartDocument();
      ++document;
    }
    CHECK((*writer)->Append(&ids[i], 1).ok());
  }
  CHECK((*writer)->Finish().ok());
  return File(name);
}

std::vector<int32_t> Iota(int64_t n) {
  std::vector<int32_t> ids(n);
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

}  // namespace perdure
