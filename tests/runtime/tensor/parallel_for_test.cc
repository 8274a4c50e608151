#include <atomic>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/device/device.h"
#include "runtime/tensor/tensor.h"

namespace perdure {
namespace {

std::set<std::pair<int64_t, int64_t>> Cut(int threads, int64_t n,
                                          int64_t grain) {
  std::unique_ptr<Device> device = MakeCpuDevice(threads);
  std::mutex mutex;
  std::set<std::pair<int64_t, int64_t>> cut;
  ParallelFor(device->stream(), n, grain, [&](int64_t begin, int64_t end) {
    std::lock_guard<std::mutex> lock(mutex);
    cut.emplace(begin, end);
  });
  return cut;
}

TEST(ParallelForTest, CoversOnceAndTheCutIgnoresThreads) {
  for (int64_t n : {0, 1, 7, 100, 1001}) {
    for (int64_t grain : {1, 10, 64, 5000}) {
      const auto cut = Cut(1, n, grain);
      EXPECT_EQ(cut, Cut(3, n, grain));
      int64_t at = 0;
      for (const auto& [begin, end] : cut) {
        EXPECT_EQ(begin, at);
        at = end;
      }
      EXPECT_EQ(at, n);
    }
  }
}

TEST(TensorTest, MemoryIsAlignedCountedAndGivenBack) {
  std::unique_ptr<Device> device = MakeCpuDevice(1);
  {
    Tensor tensor(*device, DType::kBF16, 3, 5);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data<bf16>()) % 64, 0u);
    EXPECT_EQ(tensor.bytes(), 30);
    EXPECT_EQ(device->bytes_in_use(), 64u);
    Tensor moved = std::move(tensor);
    EXPECT_EQ(device->bytes_in_use(), 64u);
  }
  EXPECT_EQ(device->bytes_in_use(), 0u);
  EXPECT_EQ(device->peak_bytes(), 64u);
}

TEST(TensorTest, ImpossibleSizeIsAnErrorWithTheRemedy) {
  std::unique_ptr<Device> device = MakeCpuDevice(1);
  const absl::Status status = device->Allocate(uint64_t{1} << 60).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
}

TEST(MatrixViewTest, ColumnsAndRowsShareTheStride) {
  float data[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  MatrixView whole(data, DType::kF32, 3, 4);
  MatrixView part = whole.Rows(1, 2).Columns(2, 2);
  EXPECT_EQ(part.as<float>()[0], 6);
  EXPECT_EQ(part.as<float>()[part.stride], 10);
  EXPECT_FALSE(part.contiguous());
  EXPECT_TRUE(whole.contiguous());
}

}  // namespace
}  // namespace perdure
