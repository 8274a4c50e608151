// diff: two checkpoints, tensor by tensor.

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "checkpoint/convert/open_source.h"
#include "checkpoint/convert/tensor_stats.h"
#include "checkpoint/convert/verbs.h"
#include "checkpoint/format/tensor_index.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

using Key = std::pair<StateKind, std::string>;
using Tensors = std::map<Key, LazyRef>;

std::string NameOf(const Key& key) {
  return absl::StrCat(StateKindName(key.first), " ", key.second);
}

// "[3, 17]" of a flat index.
std::string IndexText(int64_t flat, const std::vector<int64_t>& shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    index[i] = flat % shape[i];
    flat /= shape[i];
  }
  return ShapeText(index);
}

class Diff {
 public:
  Diff(const Operands& paths, const CheckpointFlags& flags,
       const CheckpointOutput& output)
      : paths_(paths), flags_(flags), output_(output) {}

  absl::StatusOr<int> Run() {
    ASSIGN_OR_RETURN(Tensors a, Open(paths_[0]));
    ASSIGN_OR_RETURN(Tensors b, Open(paths_[1]));
    LeaveOutLonelyKinds(&a, paths_[0], b);
    LeaveOutLonelyKinds(&b, paths_[1], a);
    ReportMissing(a, b, paths_[0]);
    ReportMissing(b, a, paths_[1]);
    for (const auto& [key, tensor] : a) total_ += tensor->bytes();
    for (const auto& [key, tensor] : a) {
      const auto other = b.find(key);
      if (other == b.end()) continue;
      RETURN_IF_ERROR(CompareOne(key, *tensor, *other->second));
      done_ += tensor->bytes();
    }
    output_.out << compared_ << " tensors compared, " << same_bits_
                << " of them equal bit for bit, " << different_
                << " differences\n";
    return different_ == 0 ? 0 : 1;
  }

 private:
  absl::StatusOr<Tensors> Open(const std::string& path) {
    ReadOptions options;
    ASSIGN_OR_RETURN(options.format, DetectFormat(path));
    // Ours have canonical names and say their model.
    if (options.format != "perdure" && options.format != "hf") {
      options.rules = flags_.rules;
      options.model = flags_.model;
    }
    ASSIGN_OR_RETURN(const CanonicalSource source,
                     OpenCanonical(path, options));
    Tensors tensors;
    for (const ConvertedTensor& tensor : source.tensors) {
      tensors.emplace(Key{tensor.kind, tensor.name}, tensor.tensor);
    }
    return tensors;
  }

  // Optimizer state that only one side has is no difference of the model.
  void LeaveOutLonelyKinds(Tensors* tensors, const std::string& path,
                           const Tensors& others) {
    std::set<StateKind> known;
    for (const auto& [key, tensor] : others) known.insert(key.first);
    std::set<StateKind> lonely;
    for (const auto& [key, tensor] : *tensors) {
      if (!known.contains(key.first)) lonely.insert(key.first);
    }
    for (const StateKind kind : lonely) {
      output_.out << StateKindName(kind) << ": only in " << path
                  << ", not compared\n";
    }
    std::erase_if(*tensors, [&](const auto& entry) {
      return lonely.contains(entry.first.first);
    });
  }

  void ReportMissing(const Tensors& tensors, const Tensors& others,
                     const std::string& path) {
    for (const auto& [key, tensor] : tensors) {
      if (others.contains(key)) continue;
      std::vector<std::string> names;
      for (const auto& [other, unused] : others) {
        if (other.first == key.first && !tensors.contains(other)) {
          names.push_back(other.second);
        }
      }
      output_.out << NameOf(key) << ": only in " << path
                  << DidYouMean(key.second, names) << "\n";
      ++different_;
    }
  }

  absl::Status CompareOne(const Key& key, const LazyTensor& a,
                          const LazyTensor& b) {
    if (a.shape() != b.shape()) {
      output_.out << NameOf(key) << ": " << ShapeText(a.shape()) << " and "
                  << ShapeText(b.shape()) << "\n";
      ++different_;
      return absl::OkStatus();
    }
    ByteProgressLine line(output_.progress);
    ASSIGN_OR_RETURN(const TensorDifference found,
                     Compare(a, b, [&](uint64_t bytes) {
                       line.Update(done_ + bytes, total_);
                     }));
    ++compared_;
    same_bits_ += found.same_bits;
    if (found.same_bits || found.first < 0) return absl::OkStatus();
    const bool tolerated =
        flags_.tolerance.has_value() && found.max_absolute <= *flags_.tolerance;
    if (tolerated) return absl::OkStatus();
    ++different_;
    output_.out << NameOf(key)
                << absl::StrFormat(
                       ": %d of %d elements differ, first %s; max |a - b| "
                       "%.4g, relative %.4g",
                       found.different, a.elements(),
                       IndexText(found.first, a.shape()), found.max_absolute,
                       found.max_relative);
    if (a.dtype() != b.dtype()) {
      output_.out << " (" << DTypeName(a.dtype()) << " and "
                  << DTypeName(b.dtype()) << ")";
    }
    output_.out << "\n";
    return absl::OkStatus();
  }

  const Operands& paths_;
  const CheckpointFlags& flags_;
  const CheckpointOutput& output_;
  uint64_t total_ = 0;
  uint64_t done_ = 0;
  int64_t compared_ = 0;
  int64_t same_bits_ = 0;
  int64_t different_ = 0;
};

}  // namespace

absl::StatusOr<int> RunDiff(const Operands& operands,
                            const CheckpointFlags& flags,
                            const CheckpointOutput& output) {
  return Diff(operands, flags, output).Run();
}

}  // namespace perdure
