#include "absl/strings/str_cat.h"
#include "checkpoint/lazy/file_tensor.h"
#include "checkpoint/lazy/lazy_tensor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/checkpoint/lazy/memory_tensor.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Shape = std::vector<int64_t>;

TEST(LazyViewsTest, SlicesCutAnyDim) {
  const LazyRef cube = Counting({2, 3, 4});
  const LazyRef slice = Slice(cube, 1, 1, 2);
  EXPECT_EQ(slice->shape(), (Shape{2, 2, 4}));
  EXPECT_THAT(ReadAll(*slice), ElementsAre(4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18,
                                           19, 20, 21, 22, 23));
  EXPECT_THAT(ReadAll(*Slice(cube, 2, 3, 1)),
              ElementsAre(3, 7, 11, 15, 19, 23));
  ExpectRunsAgree(*slice);
  EXPECT_EQ(Slice(cube, 0, 0, 2), cube);
}

TEST(LazyViewsTest, PartsAreWovenAndPadded) {
  const LazyRef a = Counting({2, 2});
  const LazyRef b = Counting({1, 2}, 10);
  const LazyRef woven = Join(
      {a, b}, 0,
      {{0, 1, 1}, {1, 0, 1}, {0, 0, 0}, {Segment::kZeros, 0, 2}, {0, 0, 1}});
  EXPECT_EQ(woven->shape(), (Shape{5, 2}));
  EXPECT_THAT(ReadAll(*woven), ElementsAre(2, 3, 10, 11, 0, 0, 0, 0, 0, 1));
  ExpectRunsAgree(*woven);
  const LazyRef columns = Concatenate({a, Counting({2, 1}, 20)}, 1);
  EXPECT_THAT(ReadAll(*columns), ElementsAre(0, 1, 20, 2, 3, 21));
  ExpectRunsAgree(*columns);
}

TEST(LazyViewsTest, MatricesAreTransposed) {
  const LazyRef turned = Transpose(Counting({2, 3}));
  EXPECT_EQ(turned->shape(), (Shape{3, 2}));
  EXPECT_THAT(ReadAll(*turned), ElementsAre(0, 3, 1, 4, 2, 5));
  ExpectRunsAgree(*turned);
  EXPECT_TRUE(ReadAll(*Transpose(Counting({0, 4}))).empty());
}

TEST(LazyViewsTest, ATranspositionLargerThanAStripIsRight) {
  const int64_t rows = 1500, columns = 2100;  // more than 2 Mi elements
  const LazyRef matrix = Counting({rows, columns});
  const std::vector<float> before = ReadAll(*matrix);
  const std::vector<float> after = ReadAll(*Transpose(matrix));
  int64_t wrong = 0;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      wrong += after[c * rows + r] != before[r * columns + c];
    }
  }
  EXPECT_EQ(wrong, 0);
}

TEST(LazyViewsTest, CastsRoundToNearestEven) {
  // 1 + 2^-8 lies between 1 and 1 + 2^-7: to even.
  const LazyRef values = Values({3}, {1.0f + 0x1p-8f, 1.0f + 3 * 0x1p-8f, -2});
  const LazyRef narrow = Cast(values, DType::kBF16);
  EXPECT_EQ(narrow->bytes(), 6u);
  EXPECT_THAT(ReadAll(*Cast(narrow, DType::kF32)),
              ElementsAre(1.0f, 1.0f + 0x1p-6f, -2.0f));
  EXPECT_EQ(Cast(values, DType::kF32), values);
}

TEST(LazyViewsTest, CopiesThatDifferAreNamed) {
  const LazyRef same =
      Equal({Counting({2, 2}), Counting({2, 2})}, {"tp 0", "tp 1"});
  EXPECT_THAT(ReadAll(*same), ElementsAre(0, 1, 2, 3));
  ExpectRunsAgree(*same);
  const LazyRef differ =
      Equal({Counting({4}), Values({4}, {0, 1, 2.5, 3})}, {"tp 0", "tp 1"});
  std::vector<float> values(4);
  const absl::Status status = ReadRange(*differ, 1, 3, values.data());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("tp 0 and tp 1 are meant to be copies and differ, "
                        "first in element 2: 2 and 2.5"));
}

TEST(LazyViewsTest, MeansSayHowFarCopiesAreOff) {
  const MeanTensor mean({Values({3}, {1, 2, 3}), Values({3}, {1, 4, 3.5})});
  EXPECT_THAT(ReadAll(mean), ElementsAre(1, 3, 3.25));
  EXPECT_EQ(mean.max_difference(), 1);
}

TEST(LazyViewsTest, ViewsOfAStorageAreHonoured) {
  const LazyRef storage = Counting({1200});
  const auto turned = MakeStridedTensor(storage, 0, {30, 40}, {1, 30});
  ASSERT_TRUE(turned.ok()) << turned.status();
  const std::vector<float> values = ReadAll(**turned);
  EXPECT_EQ(values[1], 30);
  EXPECT_EQ(values[40], 1);
  const auto rows = MakeStridedTensor(storage, 5, {3, 20}, {100, 1});
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(ReadAll(**rows)[20], 105);
  ExpectRunsAgree(**rows);
  const auto expanded = MakeStridedTensor(storage, 7, {2, 3}, {0, 0});
  ASSERT_TRUE(expanded.ok());
  EXPECT_THAT(ReadAll(**expanded), ElementsAre(7, 7, 7, 7, 7, 7));
  const auto scattered = MakeStridedTensor(storage, 0, {20, 20}, {60, 3});
  EXPECT_EQ(scattered.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(scattered.status().message()),
              HasSubstr(".contiguous()"));
}

TEST(LazyViewsTest, AFileThatEndsEarlyNamesTensorAndBytes) {
  const ScratchDirectory scratch;
  const std::string path = JoinPath(scratch.path(), "x");
  ASSERT_TRUE(WriteFileAtomically(path, std::string(20, '\0')).ok());
  auto file = File::Open(path, File::Mode::kRead);
  const LazyRef tensor =
      MakeFileTensor(std::make_shared<const File>(std::move(*file)), 8,
                     DType::kF32, {4}, "wte");
  std::vector<float> values(4);
  EXPECT_TRUE(ReadRange(*tensor, 0, 3, values.data()).ok());
  const absl::Status status = ReadRange(*tensor, 1, 3, values.data());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("tensor wte, bytes 12 to 24"));
}

}  // namespace
}  // namespace perdure
