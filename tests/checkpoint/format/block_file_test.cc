#include "checkpoint/format/block_file.h"

#include <cstring>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

class BlockFileTest : public testing::Test {
 protected:
  // A file of `n` floats 0, 1, 2, ... after `lead` bytes, in blocks of
  // `block_bytes`.
  BlockFile Make(size_t n, uint64_t lead, uint64_t block_bytes,
                 bool checked = true) {
    std::vector<float> values(n);
    std::iota(values.begin(), values.end(), 0.0f);
    std::string content(lead, 'x');
    content.append(reinterpret_cast<const char*>(values.data()), n * 4);
    const std::string path = JoinPath(scratch_.path(), "blocks");
    EXPECT_TRUE(WriteFileAtomically(path, content).ok());
    std::vector<FileBlock> blocks;
    for (uint64_t at = lead; at < content.size(); at += block_bytes) {
      FileBlock block{at, std::min(block_bytes, content.size() - at),
                      std::nullopt, 3};
      if (checked) block.checksum = Checksum(&content[at], block.bytes);
      blocks.push_back(block);
    }
    std::reverse(blocks.begin(), blocks.end());  // any order will do
    auto file = File::Open(path, File::Mode::kRead);
    EXPECT_TRUE(file.ok());
    return BlockFile(std::move(*file), std::move(blocks), [](int32_t label) {
      return absl::StrCat("tensor ", label);
    });
  }

  static Fetch Want(uint64_t offset, size_t n, float* target) {
    return {{offset, n * 4},
            DType::kF32,
            DType::kF32,
            reinterpret_cast<char*>(target)};
  }

  const ScratchDirectory scratch_;
};

TEST_F(BlockFileTest, AFetchMayCrossBlocks) {
  const BlockFile file = Make(1000, 64, 48);
  std::vector<float> found(1000);
  ASSERT_TRUE(file.Read({Want(64, 1000, found.data())}).ok());
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(found[i], i);
}

TEST_F(BlockFileTest, ScatteredAndOverlappingFetchesAllArrive) {
  const BlockFile file = Make(1000, 8, 48);
  std::vector<float> found(300);
  std::vector<Fetch> fetches;
  for (int i = 0; i < 100; ++i) {
    fetches.push_back(Want(8 + 4 * ((i * 37) % 990), 3, &found[i * 3]));
  }
  ASSERT_TRUE(file.Read(fetches).ok());
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(found[i], ((i / 3) * 37) % 990 + i % 3);
  }
}

TEST_F(BlockFileTest, RowsAreCutByBlocksAndPutApart) {
  const BlockFile file = Make(1000, 8, 48);
  std::vector<float> found(40 * 6, -1);
  Fetch fetch = Want(8 + 4 * 10, 5, found.data());
  fetch.from.rows = 40;
  fetch.from.stride = 4 * 23;
  fetch.target_stride = 4 * 6;
  ASSERT_TRUE(file.Read({fetch}).ok());
  for (int row = 0; row < 40; ++row) {
    for (int i = 0; i < 6; ++i) {
      ASSERT_EQ(found[row * 6 + i], i < 5 ? 10 + row * 23 + i : -1);
    }
  }
}

TEST_F(BlockFileTest, RowsMayLieAroundBytesThatAreInNoBlock) {
  const std::string path = JoinPath(scratch_.path(), "gap");
  ASSERT_TRUE(WriteFileAtomically(path, std::string(96, 'a')).ok());
  const BlockFile file(*File::Open(path, File::Mode::kRead),
                       {{0, 32, std::nullopt, 0}, {64, 32, std::nullopt, 0}},
                       [](int32_t) { return std::string(); });
  std::vector<float> found(24);
  Fetch fetch = Want(0, 8, found.data());
  fetch.from.rows = 2;
  fetch.target_stride = 32;
  fetch.from.stride = 64;
  EXPECT_TRUE(file.Read({fetch}).ok());
  fetch.from.stride = 60;
  const absl::Status status = file.Read({fetch});
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("byte 60 "));
}

TEST_F(BlockFileTest, MoreThanOneReadsWorthIsReadWhole) {
  const size_t n = 3 << 20;  // 12 MiB
  const BlockFile file = Make(n, 0, kBlockBytes);
  std::vector<float> found(n);
  ASSERT_TRUE(file.Read({Want(0, n, found.data())}).ok());
  for (size_t i = 0; i < n; i += 1001) ASSERT_EQ(found[i], i);
}

TEST_F(BlockFileTest, ElementsAtOddBytesAreConverted) {
  const BlockFile file = Make(100, 3, 48, /*checked=*/false);
  std::vector<uint16_t> found(100);
  Fetch fetch = Want(3, 100, nullptr);
  fetch.wanted = DType::kBF16;
  fetch.target = reinterpret_cast<char*>(found.data());
  ASSERT_TRUE(file.Read({fetch}).ok());
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(found[i], bf16(static_cast<float>(i)).bits);
  }
}

TEST_F(BlockFileTest, BytesInNoBlockAreNotRead) {
  const BlockFile file = Make(100, 64, 48);
  std::vector<float> found(100);
  for (const uint64_t offset : {uint64_t{0}, uint64_t{60}, uint64_t{464}}) {
    EXPECT_EQ(file.Read({Want(offset, 1, found.data())}).code(),
              absl::StatusCode::kDataLoss)
        << offset;
  }
  EXPECT_EQ(file.Read({Want(460, 2, found.data())}).code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(BlockFileTest, ADamagedBlockNamesFileOwnerAndOffset) {
  const BlockFile file = Make(100, 64, 48);
  auto writer =
      File::Open(JoinPath(scratch_.path(), "blocks"), File::Mode::kReadWrite);
  ASSERT_TRUE(writer->WriteAt(64 + 50, "!", 1).ok());
  std::vector<float> found(100, -1);
  EXPECT_TRUE(file.Read({Want(64, 12, found.data())}).ok());
  const absl::Status status = file.Read({Want(64, 13, found.data())});
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::HasSubstr("blocks"),
                             testing::HasSubstr("tensor 3"),
                             testing::HasSubstr("48 bytes at 112")));
  EXPECT_EQ(found[12], -1);
}

TEST_F(BlockFileTest, ForEachVisitsEveryByteInOrder) {
  const BlockFile file = Make(3 << 18, 64, 1000);
  uint64_t next = 64;
  ASSERT_TRUE(file.ForEach([&](uint64_t offset, const char*, uint64_t bytes) {
                    EXPECT_EQ(offset, next);
                    next += bytes;
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(next, 64u + (3 << 20));
}

}  // namespace
}  // namespace perdure
