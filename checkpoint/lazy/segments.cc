#include <algorithm>
#include <cstring>

#include "checkpoint/lazy/lazy_tensor.h"
#include "glog/logging.h"

namespace perdure {
namespace {

// Every tensor here is [outer, rows, inner], `inner` elements a row.
class JoinedTensor : public LazyTensor {
 public:
  JoinedTensor(std::vector<LazyRef> parts, int dim,
               std::vector<Segment> segments, std::vector<int64_t> shape)
      : LazyTensor(parts[0]->dtype(), shape),
        parts_(std::move(parts)),
        segments_(std::move(segments)) {
    for (size_t i = dim + 1; i < shape.size(); ++i) inner_ *= shape[i];
    for (const LazyRef& part : parts_) rows_.push_back(part->shape()[dim]);
    for (const Segment& segment : segments_) {
      ends_.push_back((ends_.empty() ? 0 : ends_.back()) +
                      segment.length * inner_);
    }
  }

  absl::Status Read(const std::vector<ShardRun>& runs,
                    char* base) const override {
    std::vector<std::vector<ShardRun>> of_part(parts_.size());
    for (const ShardRun& run : runs) Cut(run, base, &of_part);
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (of_part[i].empty()) continue;
      RETURN_IF_ERROR(parts_[i]->Read(of_part[i], base));
    }
    return absl::OkStatus();
  }

 private:
  void Cut(const ShardRun& run, char* base,
           std::vector<std::vector<ShardRun>>* of_part) const {
    const int64_t period = ends_.back();
    for (int64_t done = 0; done < run.length;) {
      const int64_t at = run.global_offset + done;
      const int64_t outer = at / period;
      const int64_t place = at % period;
      const size_t i =
          std::upper_bound(ends_.begin(), ends_.end(), place) - ends_.begin();
      const Segment& segment = segments_[i];
      const int64_t within = place - (ends_[i] - segment.length * inner_);
      const int64_t length = std::min(ends_[i] - place, run.length - done);
      const int64_t target = run.local_offset + done;
      if (segment.part == Segment::kZeros) {
        std::memset(base + target * SizeOf(dtype()), 0,
                    length * SizeOf(dtype()));
      } else {
        const int64_t source =
            (outer * rows_[segment.part] + segment.begin) * inner_ + within;
        Append({source, target, length}, &(*of_part)[segment.part]);
      }
      done += length;
    }
  }

  // Neighbours become one run.
  static void Append(const ShardRun& run, std::vector<ShardRun>* runs) {
    if (!runs->empty()) {
      ShardRun& last = runs->back();
      if (last.global_offset + last.length == run.global_offset &&
          last.local_offset + last.length == run.local_offset) {
        last.length += run.length;
        return;
      }
    }
    runs->push_back(run);
  }

  const std::vector<LazyRef> parts_;
  const std::vector<Segment> segments_;
  int64_t inner_ = 1;
  std::vector<int64_t> rows_;  // of each part
  std::vector<int64_t> ends_;  // of each segment, in elements of one outer
};

}  // namespace

LazyRef Join(std::vector<LazyRef> parts, int dim,
             std::vector<Segment> segments) {
  CHECK(!parts.empty());
  std::vector<int64_t> shape = parts[0]->shape();
  CHECK_LT(static_cast<size_t>(dim), shape.size());
  for (const LazyRef& part : parts) {
    std::vector<int64_t> other = part->shape();
    CHECK_EQ(other.size(), shape.size());
    other[dim] = shape[dim];
    CHECK(other == shape && part->dtype() == parts[0]->dtype());
  }
  shape[dim] = 0;
  for (const Segment& segment : segments) {
    CHECK(segment.part == Segment::kZeros ||
          segment.begin + segment.length <= parts[segment.part]->shape()[dim]);
    shape[dim] += segment.length;
  }
  // Empty segments would hide the ones behind them from the search.
  std::erase_if(segments, [](const Segment& s) { return s.length == 0; });
  return std::make_shared<JoinedTensor>(std::move(parts), dim,
                                        std::move(segments), std::move(shape));
}

LazyRef Slice(LazyRef tensor, int dim, int64_t begin, int64_t length) {
  if (begin == 0 && length == tensor->shape()[dim]) return tensor;
  return Join({std::move(tensor)}, dim, {{0, begin, length}});
}

LazyRef Concatenate(const std::vector<LazyRef>& parts, int dim) {
  if (parts.size() == 1) return parts[0];
  std::vector<Segment> segments;
  for (size_t i = 0; i < parts.size(); ++i) {
    segments.push_back({static_cast<int>(i), 0, parts[i]->shape()[dim]});
  }
  return Join(parts, dim, std::move(segments));
}

}  // namespace perdure
