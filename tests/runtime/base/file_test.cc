#include "runtime/base/file.h"

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

std::string Temporary(const std::string& name) {
  return JoinPath(testing::TempDir(), "perdure_file_test_" + name);
}

TEST(FileTest, AtomicWriteReplacesTheContentAndLeavesNoTemporary) {
  const std::string dir = Temporary("atomic");
  ASSERT_TRUE(RemoveTree(dir).ok());
  ASSERT_TRUE(CreateDirectories(dir).ok());
  const std::string path = JoinPath(dir, "a");
  ASSERT_TRUE(WriteFileAtomically(path, "one").ok());
  ASSERT_TRUE(WriteFileAtomically(path, "two").ok());
  EXPECT_EQ(*ReadFile(path), "two");
  EXPECT_THAT(*ListDirectory(dir), testing::ElementsAre("a"));
}

TEST(FileTest, ReadingPastTheEndNamesTheFileAndTheByte) {
  const std::string path = Temporary("short");
  ASSERT_TRUE(WriteFileAtomically(path, "12345").ok());
  absl::StatusOr<File> file = File::Open(path, File::Mode::kRead);
  ASSERT_TRUE(file.ok());
  char buffer[10];
  const absl::Status status = file->ReadAt(2, buffer, 10);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("byte 5"));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(path));
}

TEST(FileTest, CreateNewRefusesAnExistingFile) {
  const std::string path = Temporary("exclusive");
  ASSERT_TRUE(RemoveTree(path).ok());
  EXPECT_TRUE(File::Open(path, File::Mode::kCreateNew).ok());
  EXPECT_FALSE(File::Open(path, File::Mode::kCreateNew).ok());
}

TEST(FileTest, MissingFileIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(ReadFile(Temporary("missing")).status()));
  EXPECT_TRUE(
      absl::IsNotFound(MappedFile::Open(Temporary("missing")).status()));
}

TEST(FileTest, FullDiskIsAborted) {
  absl::StatusOr<File> full = File::Open("/dev/full", File::Mode::kReadWrite);
  ASSERT_TRUE(full.ok());
  const absl::Status status = full->WriteAt(0, "x", 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ExitCode(status), 7);
}

TEST(FileTest, MappingShowsTheBytesAndAnEmptyFileHasNone) {
  const std::string path = Temporary("map");
  ASSERT_TRUE(WriteFileAtomically(path, "abc").ok());
  absl::StatusOr<MappedFile> map = MappedFile::Open(path);
  ASSERT_TRUE(map.ok());
  ASSERT_EQ(map->size(), 3u);
  EXPECT_EQ(std::memcmp(map->data(), "abc", 3), 0);
  ASSERT_TRUE(WriteFileAtomically(path, "").ok());
  EXPECT_EQ(MappedFile::Open(path)->size(), 0u);
  EXPECT_FALSE(MappedFile::Open(testing::TempDir()).ok());
}

TEST(FileTest, JoinPathTakesAnAbsoluteSecondPart) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
}

}  // namespace
}  // namespace perdure
