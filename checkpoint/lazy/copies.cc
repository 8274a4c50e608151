#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "checkpoint/lazy/lazy_tensor.h"
#include "glog/logging.h"

namespace perdure {
namespace {

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

std::string ValueText(DType dtype, const char* element) {
  if (!IsFloat(dtype)) return "other bits";
  float value = 0;
  ConvertElements(dtype, element, DType::kF32, &value, 1);
  return absl::StrCat(value);
}

class EqualTensor : public LazyTensor {
 public:
  EqualTensor(std::vector<LazyRef> copies, std::vector<std::string> names)
      : LazyTensor(copies[0]->dtype(), copies[0]->shape()),
        copies_(std::move(copies)),
        names_(std::move(names)) {}

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    RETURN_IF_ERROR(copies_[0]->Read(runs, base));
    const int64_t size = SizeOf(dtype());
    std::vector<char> other;
    return ForEachBatch(
        runs, [&](const std::vector<ShardRun>& batch, int64_t elements) {
          other.resize(elements * size);
          const std::vector<ShardRun> moved = SideBySide(batch);
          for (size_t i = 1; i < copies_.size(); ++i) {
            RETURN_IF_ERROR(copies_[i]->Read(moved, other.data()));
            for (size_t r = 0; r < batch.size(); ++r) {
              RETURN_IF_ERROR(
                  Compare(i, batch[r], base + batch[r].local_offset * size,
                          other.data() + moved[r].local_offset * size));
            }
          }
          return absl::OkStatus();
        });
  }

 private:
  absl::Status Compare(size_t copy, const ShardRun& run, const char* first,
                       const char* other) const {
    const int64_t size = SizeOf(dtype());
    if (std::memcmp(first, other, run.length * size) == 0) {
      return absl::OkStatus();
    }
    int64_t i = 0;
    while (std::memcmp(first + i * size, other + i * size, size) == 0) ++i;
    return absl::DataLossError(absl::StrCat(
        names_[0], " and ", names_[copy],
        " are meant to be copies and differ, first in element ",
        run.global_offset + i, ": ", ValueText(dtype(), first + i * size),
        " and ", ValueText(dtype(), other + i * size),
        "; if they have drifted apart, a rule with AVERAGED takes the mean"));
  }

  const std::vector<LazyRef> copies_;
  const std::vector<std::string> names_;
};

}  // namespace

LazyRef Equal(std::vector<LazyRef> copies, std::vector<std::string> names) {
  CHECK(!copies.empty() && copies.size() == names.size());
  for (const LazyRef& copy : copies) {
    CHECK(copy->shape() == copies[0]->shape() &&
          copy->dtype() == copies[0]->dtype());
  }
  if (copies.size() == 1) return copies[0];
  return std::make_shared<EqualTensor>(std::move(copies), std::move(names));
}

MeanTensor::MeanTensor(std::vector<LazyRef> copies)
    : LazyTensor(copies[0]->dtype(), copies[0]->shape()),
      copies_(std::move(copies)) {
  for (const LazyRef& copy : copies_) {
    CHECK(copy->shape() == shape() && copy->dtype() == dtype());
    CHECK(IsFloat(dtype()));
  }
}

absl::Status MeanTensor::Read(const std::vector<ShardRun>& runs,
                              char* base) const {
  return ForEachBatch(
      runs, [&](const std::vector<ShardRun>& batch, int64_t elements) {
        return ReadBatch(batch, elements, base);
      });
}

absl::Status MeanTensor::ReadBatch(const std::vector<ShardRun>& runs, int64_t n,
                                   char* base) const {
  const std::vector<ShardRun> moved = SideBySide(runs);
  std::vector<double> sum(n, 0.0);
  std::vector<float> low(n, INFINITY);
  std::vector<float> high(n, -INFINITY);
  std::vector<float> values(n);
  for (const LazyRef& copy : copies_) {
    RETURN_IF_ERROR(Cast(copy, DType::kF32)
                        ->Read(moved, reinterpret_cast<char*>(values.data())));
    for (int64_t i = 0; i < n; ++i) {
      sum[i] += values[i];
      low[i] = std::min(low[i], values[i]);
      high[i] = std::max(high[i], values[i]);
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    const double mean = sum[i] / static_cast<double>(copies_.size());
    max_difference_ =
        std::max({max_difference_, high[i] - mean, mean - low[i]});
    values[i] = static_cast<float>(mean);
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    ConvertElements(DType::kF32, values.data() + moved[i].local_offset, dtype(),
                    base + runs[i].local_offset * SizeOf(dtype()),
                    runs[i].length);
  }
  return absl::OkStatus();
}

}  // namespace perdure
