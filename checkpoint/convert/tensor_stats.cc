#include "checkpoint/convert/tensor_stats.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace perdure {
namespace {

constexpr int64_t kBlockElements = int64_t{1} << 20;

// Values of a block as fp32, and its bytes.
class BlockReader {
 public:
  explicit BlockReader(const LazyTensor& tensor)
      : tensor_(tensor), size_(SizeOf(tensor.dtype())) {}

  absl::Status Read(int64_t begin, int64_t count) {
    bytes_.resize(count * size_);
    RETURN_IF_ERROR(ReadRange(tensor_, begin, count, bytes_.data()));
    if (!HasStats(tensor_.dtype())) return absl::OkStatus();
    values_.resize(count);
    ConvertElements(tensor_.dtype(), bytes_.data(), DType::kF32, values_.data(),
                    count);
    return absl::OkStatus();
  }
  const char* element(int64_t i) const { return bytes_.data() + i * size_; }
  const std::vector<char>& bytes() const { return bytes_; }
  const std::vector<float>& values() const { return values_; }
  int64_t element_size() const { return size_; }

 private:
  const LazyTensor& tensor_;
  const int64_t size_;
  std::vector<char> bytes_;
  std::vector<float> values_;
};

class Moments {
 public:
  void Add(const std::vector<float>& values) {
    double sum = 0;
    int64_t count = 0;
    for (const float value : values) {
      if (std::isnan(value)) {
        ++stats_.nans;
        continue;
      }
      sum += value;
      ++count;
      low_ = std::min(low_, value);
      high_ = std::max(high_, value);
    }
    if (count == 0) return;
    const double mean = sum / static_cast<double>(count);
    double squares = 0;
    for (const float value : values) {
      if (!std::isnan(value)) squares += (value - mean) * (value - mean);
    }
    const double n = static_cast<double>(count_ + count);
    const double delta = mean - mean_;
    mean_ += delta * static_cast<double>(count) / n;
    squares_ += squares + delta * delta * static_cast<double>(count_) *
                              static_cast<double>(count) / n;
    count_ += count;
  }

  TensorStats Finish() {
    if (count_ == 0) return stats_;
    stats_.mean = mean_;
    stats_.std = std::sqrt(squares_ / static_cast<double>(count_));
    stats_.min = low_;
    stats_.max = high_;
    return stats_;
  }

 private:
  TensorStats stats_;
  int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // of the distances from the mean
  float low_ = std::numeric_limits<float>::infinity();
  float high_ = -std::numeric_limits<float>::infinity();
};

void CompareValues(float a, float b, TensorDifference* difference) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return;
  ++difference->different;
  double absolute = std::abs(static_cast<double>(a) - b);
  double relative = absolute / std::max(std::abs(static_cast<double>(a)),
                                        std::abs(static_cast<double>(b)));
  if (std::isnan(absolute)) absolute = INFINITY;
  if (std::isnan(relative)) relative = INFINITY;
  difference->max_absolute = std::max(difference->max_absolute, absolute);
  difference->max_relative = std::max(difference->max_relative, relative);
}

}  // namespace

bool HasStats(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

absl::StatusOr<TensorStats> ComputeStats(
    const LazyTensor& tensor, const std::function<void(uint64_t)>& progress) {
  BlockReader block(tensor);
  Moments moments;
  const int64_t n = tensor.elements();
  for (int64_t at = 0; at < n; at += kBlockElements) {
    RETURN_IF_ERROR(block.Read(at, std::min(kBlockElements, n - at)));
    moments.Add(block.values());
    if (progress) progress(static_cast<uint64_t>(at * block.element_size()));
  }
  return moments.Finish();
}

absl::StatusOr<TensorDifference> Compare(
    const LazyTensor& a, const LazyTensor& b,
    const std::function<void(uint64_t)>& progress) {
  BlockReader block_a(a);
  BlockReader block_b(b);
  TensorDifference difference;
  const bool same_dtype = a.dtype() == b.dtype();
  const bool numbers = HasStats(a.dtype()) && HasStats(b.dtype());
  difference.same_bits = same_dtype;
  const int64_t n = a.elements();
  for (int64_t at = 0; at < n; at += kBlockElements) {
    const int64_t count = std::min(kBlockElements, n - at);
    RETURN_IF_ERROR(block_a.Read(at, count));
    RETURN_IF_ERROR(block_b.Read(at, count));
    if (progress) progress(static_cast<uint64_t>(at * block_a.element_size()));
    if (same_dtype && block_a.bytes() == block_b.bytes()) continue;
    for (int64_t i = 0; i < count; ++i) {
      const bool same_element =
          same_dtype && std::memcmp(block_a.element(i), block_b.element(i),
                                    block_a.element_size()) == 0;
      if (same_element) continue;
      const int64_t before = difference.different;
      if (numbers) {
        CompareValues(block_a.values()[i], block_b.values()[i], &difference);
      } else {
        ++difference.different;
        difference.max_absolute = INFINITY;
      }
      if (same_dtype) difference.same_bits = false;
      // Between dtypes only values count.
      if (difference.first < 0 &&
          (same_dtype || difference.different > before)) {
        difference.first = at + i;
      }
    }
  }
  return difference;
}

}  // namespace perdure
