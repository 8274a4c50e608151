#include "launcher/train/peak.h"

#include <algorithm>
#include <chrono>

#include "runtime/kernels/elementwise.h"
#include "runtime/kernels/matmul.h"
#include "runtime/tensor/tensor.h"

namespace perdure {
namespace {

constexpr int64_t kSize = 768;
constexpr int kRepeats = 12;

double SecondsOf(Matmul& matmul, StreamView stream, Tensor& a, Tensor& b,
                 Tensor& c) {
  const auto start = std::chrono::steady_clock::now();
  matmul.Run(stream, a.view(), b.view(), c.view());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace

absl::StatusOr<double> MeasurePeakFlops(Communicator& world, Device& device,
                                        DType dtype) {
  Tensor ones(device, DType::kF32, kSize, kSize);
  kernels::Fill(device.stream(), 1, ones.data<float>(), kSize * kSize);
  Tensor a(device, dtype, kSize, kSize), b(device, dtype, kSize, kSize);
  kernels::Convert(device.stream(), ones.view(), a.view());
  kernels::Convert(device.stream(), ones.view(), b.view());
  Tensor c(device, DType::kF32, kSize, kSize);
  Matmul matmul;
  SecondsOf(matmul, device.stream(), a, b, c);
  RETURN_IF_ERROR(world.Barrier());
  double best = 1e9;
  for (int i = 0; i < kRepeats; ++i) {
    best = std::min(best, SecondsOf(matmul, device.stream(), a, b, c));
  }
  const double flops = 2.0 * kSize * kSize * kSize / best;
  return AllReduceScalar(world, flops, ReduceOp::kSum);
}

}  // namespace perdure
