#include "runtime/data/token_file.h"

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename T>
std::string Bytes(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()),
                     values.size() * sizeof(T));
}

std::vector<int32_t> ReadAll(const TokenFile& file) {
  std::vector<int32_t> ids(file.size());
  file.Read(0, file.size(), ids.data());
  return ids;
}

void ExpectRefused(const std::string& path, const std::string& why) {
  const auto file = OpenTokenFile(path);
  ASSERT_FALSE(file.ok()) << path;
  EXPECT_EQ(file.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr(path));
  EXPECT_THAT(std::string(file.status().message()), HasSubstr(why));
}

TEST(TokenFileTest, NarrowAndWideIdsComeBack) {
  const TempDir dir;
  for (const int32_t vocab : {300, 65536, 65537, 200000}) {
    std::vector<int32_t> ids = {0, 1, 255, 299, vocab - 1, 7};
    const std::string path = dir.WriteTokens("a.tokens", ids, vocab, {0, 4});
    const auto file = OpenTokenFile(path);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(ReadAll(**file), ids);
    EXPECT_EQ((*file)->vocab_bound(), vocab);
    EXPECT_THAT((*file)->documents(), ElementsAre(0, 4));
    const uint64_t width = vocab <= 65536 ? 2 : 4;
    EXPECT_EQ(ReadFile(path)->size(), 64 + (6 * width + 7) / 8 * 8 + 2 * 8);
  }
}

// The bytes that docs/token-files.md shows: version 1 must stay readable.
TEST(TokenFileTest, VersionOneFixtureLoads) {
  const TempDir dir;
  std::string bytes = "PERDTOKS";
  bytes += Bytes<uint32_t>({1, 2});
  bytes += Bytes<uint64_t>({5, 2, 80});
  bytes += Bytes<uint32_t>({65, 0, 0, 0, 0, 0});
  bytes += Bytes<uint16_t>({18, 47, 56, 57, 58, 0, 0, 0});
  bytes += Bytes<uint64_t>({0, 3});
  const auto file = OpenTokenFile(dir.Write("v1.tokens", bytes));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(ReadAll(**file), ElementsAre(18, 47, 56, 57, 58));
  EXPECT_THAT((*file)->documents(), ElementsAre(0, 3));
  EXPECT_EQ((*file)->vocab_bound(), 65);
  // And the writer writes exactly these.
  const std::string again =
      dir.WriteTokens("again.tokens", {18, 47, 56, 57, 58}, 65, {0, 3});
  EXPECT_EQ(*ReadFile(again), bytes);
}

TEST(TokenFileTest, LargeFilesCrossTheWritersBuffer) {
  const TempDir dir;
  std::vector<int32_t> ids(1500000);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = i * 7919 % 70000;
  auto writer = TokenFileWriter::Create(dir.File("a.tokens"), 70000).value();
  ASSERT_TRUE(writer->Append(ids.data(), 1000003).ok());
  ASSERT_TRUE(writer->Append(ids.data() + 1000003, ids.size() - 1000003).ok());
  ASSERT_TRUE(writer->Finish().ok());
  const auto file = OpenTokenFile(dir.File("a.tokens")).value();
  EXPECT_EQ(ReadAll(*file), ids);
  EXPECT_THAT(file->documents(), IsEmpty());
  std::vector<int32_t> part(3);
  file->Read(999999, 3, part.data());
  EXPECT_THAT(part, ElementsAre(ids[999999], ids[1000000], ids[1000001]));
}

TEST(TokenFileTest, NothingIsVisibleBeforeFinish) {
  const TempDir dir;
  {
    auto writer = TokenFileWriter::Create(dir.File("a.tokens"), 10).value();
    const int32_t id = 3;
    ASSERT_TRUE(writer->Append(&id, 1).ok());
    EXPECT_FALSE(FileExists(dir.File("a.tokens")));
  }
  EXPECT_THAT(*ListDirectory(dir.path()), IsEmpty());  // nor left behind
}

TEST(TokenFileTest, WriterRefusesIdsBeyondTheVocabulary) {
  const TempDir dir;
  auto writer = TokenFileWriter::Create(dir.File("a.tokens"), 10).value();
  for (const int32_t id : {10, -1}) {
    EXPECT_EQ(writer->Append(&id, 1).code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(TokenFileTest, EmptyDocumentsAreNotRecorded) {
  const TempDir dir;
  auto writer = TokenFileWriter::Create(dir.File("a.tokens"), 10).value();
  const int32_t id = 3;
  writer->StartDocument();
  writer->StartDocument();
  ASSERT_TRUE(writer->Append(&id, 1).ok());
  writer->StartDocument();
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_THAT(OpenTokenFile(dir.File("a.tokens")).value()->documents(),
              ElementsAre(0));
}

TEST(TokenFileTest, EveryTruncationIsRefused) {
  const TempDir dir;
  const std::string whole =
      *ReadFile(dir.WriteTokens("a.tokens", Iota(9), 10, {0, 5}));
  for (size_t size = 8; size < whole.size(); ++size) {
    ExpectRefused(dir.Write("cut.tokens", whole.substr(0, size)), "cut");
  }
  ExpectRefused(dir.Write("long.tokens", whole + "x"), "does not fit");
}

TEST(TokenFileTest, DamagedHeaderFieldsAreRefused) {
  const TempDir dir;
  const std::string whole =
      *ReadFile(dir.WriteTokens("a.tokens", Iota(9), 10, {0, 5}));
  const struct {
    size_t offset;
    uint8_t value;
    const char* why;
  } kCases[] = {{8, 2, "version 2"},       {12, 3, "3 bytes per token"},
                {16, 200, "does not fit"}, {23, 255, "does not fit"},
                {24, 200, "does not fit"}, {31, 255, "does not fit"},
                {32, 0, "does not fit"},   {40, 0, "vocabulary size 0"},
                {43, 255, "not possible"}};
  for (const auto& c : kCases) {
    std::string damaged = whole;
    damaged[c.offset] = static_cast<char>(c.value);
    ExpectRefused(dir.Write("damaged.tokens", damaged), c.why);
  }
}

TEST(TokenFileTest, DamagedDocumentIndexIsRefused) {
  const TempDir dir;
  const std::string whole =
      *ReadFile(dir.WriteTokens("a.tokens", Iota(9), 10, {0, 5}));
  for (const auto& [offset, value] :
       std::vector<std::pair<size_t, int>>{{16, 1}, {8, 0}, {8, 9}, {1, 255}}) {
    std::string damaged = whole;
    damaged[damaged.size() - offset] = static_cast<char>(value);
    ExpectRefused(dir.Write("damaged.tokens", damaged), "document");
  }
}

TEST(TokenFileTest, OtherFilesAreNamedByTheirFirstBytes) {
  const TempDir dir;
  ExpectRefused(dir.Write("a.txt", "First Citizen:\n"), "First Ci");
  ExpectRefused(dir.Write("empty.bin", ""), "0 bytes");
  ExpectRefused(dir.path(), "directory");
  EXPECT_EQ(OpenTokenFile(dir.File("none.bin")).status().code(),
            absl::StatusCode::kNotFound);
}

std::string LlmcBytes(int32_t magic, int32_t version, int32_t tokens) {
  std::vector<int32_t> header(256);
  header[0] = magic;
  header[1] = version;
  header[2] = tokens;
  return Bytes(header);
}

TEST(TokenFileTest, LlmcFilesOfBothWidthsLoad) {
  const TempDir dir;
  auto file = OpenTokenFile(dir.Write(
      "a.bin", LlmcBytes(20240520, 1, 3) + Bytes<uint16_t>({50256, 9, 65535})));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(ReadAll(**file), ElementsAre(50256, 9, 65535));
  EXPECT_EQ((*file)->vocab_bound(), 65536);
  file = OpenTokenFile(dir.Write(
      "b.bin", LlmcBytes(20240801, 7, 2) + Bytes<uint32_t>({128000, 9})));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(ReadAll(**file), ElementsAre(128000, 9));
  EXPECT_EQ((*file)->vocab_bound(), 128001);
  EXPECT_THAT((*file)->documents(), IsEmpty());
}

TEST(TokenFileTest, BadLlmcHeadersAreRefused) {
  const TempDir dir;
  const std::string ids = Bytes<uint16_t>({1, 2, 3});
  ExpectRefused(dir.Write("a.bin", LlmcBytes(20240520, 2, 3) + ids),
                "version 2, expected 1");
  ExpectRefused(dir.Write("b.bin", LlmcBytes(20240520, 1, 4) + ids),
                "4 tokens");
  ExpectRefused(dir.Write("c.bin", LlmcBytes(20240520, 1, -1) + ids), "-1");
  ExpectRefused(dir.Write("d.bin", LlmcBytes(20240520, 1, 3) + ids + "x"),
                "cut or damaged");
  ExpectRefused(dir.Write("e.bin", LlmcBytes(20240520, 1, 3).substr(0, 500)),
                "the file was cut");
}

struct MegatronParts {
  std::string magic = std::string("MMIDIDX\0\0", 9);
  uint64_t version = 1;
  uint8_t dtype = 8;
  std::vector<int32_t> lengths = {2, 0, 3};
  std::vector<int64_t> offsets = {0, 4, 4};
  std::vector<int64_t> documents = {0, 1, 2, 3};
  std::string Idx() const {
    return magic + Bytes<uint64_t>({version}) +
           std::string(1, static_cast<char>(dtype)) +
           Bytes<uint64_t>({lengths.size(), documents.size()}) +
           Bytes(lengths) + Bytes(offsets) + Bytes(documents);
  }
};

TEST(TokenFileTest, MegatronPairLoadsByEitherName) {
  const TempDir dir;
  dir.Write("a.idx", MegatronParts().Idx());
  // The first ids happen to be llm.c's magic: the .idx decides.
  const std::string ids =
      Bytes<int32_t>({20240520}) + Bytes<uint16_t>({5, 6, 7});
  dir.Write("a.bin", ids);
  for (const char* name : {"a.bin", "a.idx"}) {
    const auto file = OpenTokenFile(dir.File(name));
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ((*file)->size(), 5);
    EXPECT_EQ(ReadAll(**file)[2], 5);
    EXPECT_THAT((*file)->documents(), ElementsAre(0, 2));  // one is empty
  }
}

TEST(TokenFileTest, MegatronIdsOfFourBytesLoad) {
  const TempDir dir;
  MegatronParts parts;
  parts.dtype = 4;
  parts.offsets = {0, 8, 8};
  dir.Write("a.idx", parts.Idx());
  const auto file =
      OpenTokenFile(dir.Write("a.bin", Bytes<int32_t>({100000, 2, 3, 4, 5})));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(ReadAll(**file), ElementsAre(100000, 2, 3, 4, 5));
}

TEST(TokenFileTest, BadMegatronIndexesAreRefused) {
  const TempDir dir;
  const std::string bin = dir.Write("a.bin", Bytes<uint16_t>({1, 2, 3, 4, 5}));
  const auto refused = [&](const MegatronParts& parts, const std::string& why) {
    dir.Write("a.idx", parts.Idx());
    const auto file = OpenTokenFile(bin);
    EXPECT_EQ(file.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(why));
  };
  MegatronParts parts;
  parts.magic[0] = 'X';
  refused(parts, "XMIDIDX");
  parts = {};
  parts.version = 2;
  refused(parts, "version 2");
  parts = {};
  parts.dtype = 7;
  refused(parts, "dtype code 7");
  parts = {};
  parts.offsets[2] = 6;
  refused(parts, "sequence 2");
  parts = {};
  parts.lengths[2] = 4;
  refused(parts, "6 tokens");
  parts = {};
  parts.documents[1] = 9;
  refused(parts, "document entry 1");
  parts = {};
  parts.documents = {0, 2, 1, 0, 3};
  refused(parts, "document entry 3");
  const std::string idx = MegatronParts().Idx();
  for (const size_t size : {0, 9, 20, 40, 60}) {
    dir.Write("a.idx", idx.substr(0, size));
    EXPECT_EQ(OpenTokenFile(bin).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
}

}  // namespace
}  // namespace perdure
