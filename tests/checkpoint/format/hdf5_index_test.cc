// Which boxes a flat range of an array is. The library as a reader of an index
// is in tests/checkpoint/snapshot/per_node_test.cc.

#include "checkpoint/format/hdf5_index.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace perdure {
namespace {

// The flat numbers of a box's elements in row-major order.
void Enumerate(const std::vector<int64_t>& shape, const ArrayBox& box,
               size_t dim, int64_t flat, std::vector<int64_t>* numbers) {
  if (dim == shape.size()) {
    numbers->push_back(flat);
    return;
  }
  for (uint64_t i = 0; i < box.count[dim]; ++i) {
    Enumerate(shape, box, dim + 1,
              flat * shape[dim] + static_cast<int64_t>(box.start[dim] + i),
              numbers);
  }
}

TEST(BoxesOfRangeTest, AreTheElementsInTheirOrder) {
  for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{
           {7}, {3, 5}, {1, 4}, {4, 1}, {2, 3, 4}, {3, 1, 2, 2}}) {
    int64_t elements = 1;
    for (const int64_t extent : shape) elements *= extent;
    for (int64_t begin = 0; begin <= elements; ++begin) {
      for (int64_t end = begin; end <= elements; ++end) {
        const std::vector<ArrayBox> boxes = BoxesOfRange(shape, begin, end);
        EXPECT_LE(boxes.size(), 2 * shape.size() + 1);
        std::vector<int64_t> found;
        for (const ArrayBox& box : boxes) Enumerate(shape, box, 0, 0, &found);
        ASSERT_EQ(found.size(), static_cast<size_t>(end - begin));
        for (size_t i = 0; i < found.size(); ++i) {
          ASSERT_EQ(found[i], begin + static_cast<int64_t>(i));
        }
      }
    }
  }
}

TEST(BoxesOfRangeTest, WholeRowsAreOneBox) {
  EXPECT_THAT(BoxesOfRange({10, 4}, 8, 32),
              testing::ElementsAre(ArrayBox{{2, 0}, {6, 4}}));
}

}  // namespace
}  // namespace perdure
