#include "checkpoint/format/tensor_index.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

// What is wrong with a request for this tensor; "" if nothing.
std::string Mismatch(const StateRequest& request, const StoredTensor& tensor) {
  if (request.shape != tensor.shape) {
    return absl::StrCat(StateKindName(request.kind), " ", request.tensor, ": ",
                        ShapeText(request.shape), " is wanted, ",
                        ShapeText(tensor.shape), " is stored");
  }
  if (request.dtype != tensor.dtype &&
      !(IsFloat(request.dtype) && IsFloat(tensor.dtype))) {
    return absl::StrCat(StateKindName(request.kind), " ", request.tensor, ": ",
                        DTypeName(tensor.dtype), " cannot be read as ",
                        DTypeName(request.dtype));
  }
  return "";
}

}  // namespace

int64_t StoredTensor::elements() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1},
                         std::multiplies<>());
}

uint64_t StoredTensor::bytes() const {
  return static_cast<uint64_t>(elements() * SizeOf(dtype));
}

void StoredTensor::ForEachPlace(
    int64_t begin, int64_t elements,
    absl::FunctionRef<void(const StoredPart&)> visit) const {
  const int64_t size = SizeOf(dtype);
  if (parts.empty()) {
    visit(
        {begin, elements, file, offset + static_cast<uint64_t>(begin * size)});
    return;
  }
  auto part = std::upper_bound(
      parts.begin(), parts.end(), begin,
      [](int64_t at, const StoredPart& p) { return at < p.begin; });
  if (part != parts.begin()) --part;
  const int64_t end = begin + elements;
  for (; part != parts.end() && part->begin < end; ++part) {
    const int64_t first = std::max(begin, part->begin);
    const int64_t last = std::min(end, part->begin + part->elements);
    if (first >= last) continue;
    visit({first, last - first, part->file,
           part->offset + static_cast<uint64_t>((first - part->begin) * size)});
  }
}

TensorIndex::TensorIndex(std::vector<StoredTensor> tensors)
    : tensors_(std::move(tensors)) {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    by_name_.emplace(std::pair(tensors_[i].kind, tensors_[i].name), i);
  }
}

std::vector<std::string> TensorIndex::Names(StateKind kind) const {
  std::vector<std::string> names;
  for (const auto& [key, i] : by_name_) {
    if (key.first == kind && tensors_[i].alias_of.empty()) {
      names.push_back(key.second);
    }
  }
  return names;
}

const StoredTensor* TensorIndex::Find(StateKind kind,
                                      const std::string& name) const {
  auto found = by_name_.find({kind, name});
  if (found != by_name_.end() && !tensors_[found->second].alias_of.empty()) {
    found = by_name_.find({kind, tensors_[found->second].alias_of});
  }
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

std::string TensorIndex::Missing(const StateRequest& request) const {
  return absl::StrCat(StateKindName(request.kind), " ", request.tensor,
                      " is not there",
                      DidYouMean(request.tensor, Names(request.kind)));
}

absl::StatusOr<std::vector<const StoredTensor*>> TensorIndex::Resolve(
    const std::vector<StateRequest>& requests, absl::string_view where) const {
  std::vector<const StoredTensor*> found;
  std::vector<std::string> problems;
  bool missing = false;
  for (const StateRequest& request : requests) {
    const StoredTensor* tensor = Find(request.kind, request.tensor);
    found.push_back(tensor);
    if (tensor == nullptr) {
      missing = true;
      problems.push_back(Missing(request));
    } else if (std::string text = Mismatch(request, *tensor); !text.empty()) {
      problems.push_back(std::move(text));
    }
  }
  if (problems.empty()) return found;
  const std::string message =
      absl::StrCat(where, ": ", absl::StrJoin(problems, "; "));
  return missing ? absl::NotFoundError(message)
                 : absl::FailedPreconditionError(message);
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace perdure
