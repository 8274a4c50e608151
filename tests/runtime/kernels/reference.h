#ifndef PERDURE_TESTS_RUNTIME_KERNELS_REFERENCE_H_
#define PERDURE_TESTS_RUNTIME_KERNELS_REFERENCE_H_

// What the kernel tests share: matrices with strided rows, deterministic
// values, comparison with fp64 references, central differences, and a run of
// the same test on every instruction set that this machine has.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "hwy/targets.h"
#include "runtime/base/philox.h"
#include "runtime/device/device.h"
#include "runtime/tensor/view.h"

namespace perdure::kernels {

inline StreamView Threads(int threads) { return {nullptr, threads, nullptr}; }

// The calls of `body` run on each instruction set in turn.
inline void OnEveryInstructionSet(const std::function<void()>& body) {
  for (int64_t target : {HWY_SCALAR, HWY_AVX2, HWY_AVX3}) {
    if ((hwy::SupportedTargets() & target) == 0) continue;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::GetChosenTarget().Update(target);
    body();
  }
  hwy::GetChosenTarget().DeInit();
}

// Uniform in [-1, 1) of (seed, i).
inline double Noise(uint32_t seed, int64_t i) {
  const PhiloxCounter bits =
      Philox4x32({static_cast<uint32_t>(i), 0, 0, 0}, {seed, 77});
  return 2.0 * UniformFromBits(bits[0]) - 1.0;
}

// A matrix of fp32 or bf16 whose rows lie `gap` elements apart. The gaps are
// filled with NaN: a kernel that reads them gives itself away, and
// GapsUntouched() tells whether one wrote them.
class Matrix {
 public:
  Matrix(int64_t rows, int64_t cols, DType dtype = DType::kF32, int64_t gap = 0)
      : rows_(rows),
        cols_(cols),
        stride_(cols + gap),
        dtype_(dtype),
        bytes_(rows * (cols + gap) * SizeOf(dtype)) {
    for (int64_t i = 0; i < rows * stride_; ++i) Put(i, NAN);
    for (int64_t i = 0; i < rows * cols; ++i) Set(i / cols, i % cols, 0.0);
  }

  static Matrix Random(int64_t rows, int64_t cols, uint32_t seed,
                       DType dtype = DType::kF32, int64_t gap = 0) {
    Matrix m(rows, cols, dtype, gap);
    for (int64_t i = 0; i < rows * cols; ++i) {
      m.Set(i / cols, i % cols, Noise(seed, i));
    }
    return m;
  }

  double At(int64_t row, int64_t col) const {
    const int64_t i = row * stride_ + col;
    if (dtype_ == DType::kF32) return Read<float>(i);
    return static_cast<float>(Read<bf16>(i));
  }
  void Set(int64_t row, int64_t col, double value) {
    Put(row * stride_ + col, static_cast<float>(value));
  }
  MatrixView view() { return {bytes_.data(), dtype_, rows_, cols_, stride_}; }
  ConstMatrixView view() const {
    return {bytes_.data(), dtype_, rows_, cols_, stride_};
  }
  float* data() { return reinterpret_cast<float*>(bytes_.data()); }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }

  // Bit for bit, gaps included.
  bool operator==(const Matrix& other) const { return bytes_ == other.bytes_; }
  bool GapsUntouched() const {
    for (int64_t row = 0; row < rows_; ++row) {
      for (int64_t col = cols_; col < stride_; ++col) {
        if (!std::isnan(At(row, col))) return false;
      }
    }
    return true;
  }

 private:
  template <typename T>
  T Read(int64_t i) const {
    T value;
    std::memcpy(&value, bytes_.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  void Put(int64_t i, float value) {
    if (dtype_ == DType::kF32) {
      std::memcpy(bytes_.data() + 4 * i, &value, 4);
    } else {
      const bf16 rounded(value);
      std::memcpy(bytes_.data() + 2 * i, &rounded, 2);
    }
  }

  int64_t rows_, cols_, stride_;
  DType dtype_;
  std::vector<char> bytes_;
};

using Doubles = std::vector<double>;  // row-major [rows, cols]

inline Doubles ToDoubles(const Matrix& m) {
  Doubles out;
  for (int64_t i = 0; i < m.rows() * m.cols(); ++i) {
    out.push_back(m.At(i / m.cols(), i % m.cols()));
  }
  return out;
}

// |actual - expected| <= tolerance * (1 + |expected|) everywhere.
inline void ExpectClose(const Doubles& actual, const Doubles& expected,
                        double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  size_t worst = 0;
  double worst_error = -1;
  for (size_t i = 0; i < actual.size(); ++i) {
    double error =
        std::abs(actual[i] - expected[i]) / (1 + std::abs(expected[i]));
    if (std::isnan(error)) error = INFINITY;
    if (error > worst_error) worst = i, worst_error = error;
  }
  if (actual.empty()) return;
  EXPECT_LE(worst_error, tolerance)
      << "element " << worst << " is " << actual[worst] << ", expected "
      << expected[worst];
}

// d f / d x[i] by central differences, for every i.
inline Doubles Differences(Doubles x,
                           const std::function<double(const Doubles&)>& f) {
  constexpr double kStep = 1e-5;
  Doubles slopes;
  for (double& value : x) {
    const double kept = value;
    value = kept + kStep;
    const double above = f(x);
    value = kept - kStep;
    const double below = f(x);
    value = kept;
    slopes.push_back((above - below) / (2 * kStep));
  }
  return slopes;
}

inline double Dot(const Doubles& a, const Doubles& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// bf16 has 8 significant bits.
inline double Tolerance(DType dtype, double fp32) {
  return dtype == DType::kF32 ? fp32 : 0.006;
}

}  // namespace perdure::kernels

#endif  // PERDURE_TESTS_RUNTIME_KERNELS_REFERENCE_H_
