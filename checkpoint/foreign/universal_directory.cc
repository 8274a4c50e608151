#include "checkpoint/foreign/universal_directory.h"

#include <bit>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "checkpoint/foreign/torch_file.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr char kStates[] = "zero";
constexpr char kLatest[] = "latest_universal";

std::string Resolve(const std::string& directory) {
  if (IsDirectory(JoinPath(directory, kStates))) return directory;
  const auto latest = ReadFile(JoinPath(directory, kLatest));
  if (!latest.ok()) return directory;
  const std::string tag(absl::StripAsciiWhitespace(*latest));
  // The tag is the name of a directory beside the file.
  if (tag.empty() || absl::StrContains(tag, '/')) return directory;
  return JoinPath(directory, tag);
}

std::optional<StateKind> KindOf(const std::string& file) {
  if (file == "fp32.pt") return StateKind::kWeight;
  if (file == "exp_avg.pt") return StateKind::kMoment1;
  if (file == "exp_avg_sq.pt") return StateKind::kMoment2;
  return std::nullopt;
}

// Steps are stored as floats by some optimizers.
std::optional<int64_t> Whole(double value) {
  if (!(value >= 0 && value <= 0x1p53) || value != std::floor(value)) {
    return std::nullopt;
  }
  return static_cast<int64_t>(value);
}

class UniversalReader {
 public:
  explicit UniversalReader(const std::string& directory)
      : root_(JoinPath(directory, kStates)) {
    source_.description =
        absl::StrCat("DeepSpeed universal checkpoint ", directory);
  }

  absl::StatusOr<TensorSource> Read() {
    ASSIGN_OR_RETURN(const std::vector<std::string> names,
                     ListDirectory(root_));
    for (const std::string& name : names) {
      const std::string directory = JoinPath(root_, name);
      if (!IsDirectory(directory)) continue;  // optimizer_state.pt
      ASSIGN_OR_RETURN(const std::vector<std::string> files,
                       ListDirectory(directory));
      for (const std::string& file : files) {
        RETURN_IF_ERROR(ReadState(name, file, JoinPath(directory, file)));
      }
    }
    source_.run.step = step_.value_or(0);
    source_.run.updates = source_.run.step;
    for (const auto& [file, count] : left_out_) {
      source_.notes.push_back(absl::StrCat(
          file, " of ", count, " parameters is left out: only Adam's moments ",
          "are converted"));
    }
    return std::move(source_);
  }

 private:
  absl::Status ReadState(const std::string& name, const std::string& file,
                         const std::string& path) {
    if (file == "step.pt") return ReadStep(path);
    const std::optional<StateKind> kind = KindOf(file);
    if (!kind.has_value()) {
      ++left_out_[file];
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(TorchContents contents, ReadTorchFile(path, pool_));
    for (SourceTensor& tensor : contents.tensors) {
      if (tensor.name != "param" && !tensor.name.empty()) continue;
      // ZeRO-3 without tensor parallelism: a lone tensor, flattened.
      tensor.flat = tensor.name.empty() && tensor.shape.size() == 1;
      tensor.name = name;
      tensor.kind = *kind;
      source_.tensors.push_back(std::move(tensor));
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": holds neither a tensor \"param\" nor one alone"));
  }

  // A number, or a tensor of one.
  absl::Status ReadStep(const std::string& path) {
    ASSIGN_OR_RETURN(const TorchContents contents, ReadTorchFile(path, pool_));
    std::optional<int64_t> step;
    const auto scalar = contents.scalars.find("");
    if (scalar != contents.scalars.end()) {
      if (const auto* whole = std::get_if<int64_t>(&scalar->second)) {
        step = *whole;
      } else if (const auto* real = std::get_if<double>(&scalar->second)) {
        step = Whole(*real);
      }
    } else if (contents.tensors.size() == 1 &&
               contents.tensors[0].tensor != nullptr &&
               contents.tensors[0].tensor->elements() == 1) {
      ASSIGN_OR_RETURN(step, ReadNumber(*contents.tensors[0].tensor));
    }
    if (!step.has_value()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": is no number"));
    }
    if (!step_.has_value()) step_ = step;
    if (*step_ == *step) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": step ", *step, ", but other parameters are at ",
                     *step_, "; the checkpoint is not of one moment"));
  }

  static absl::StatusOr<std::optional<int64_t>> ReadNumber(
      const LazyTensor& tensor) {
    if (tensor.dtype() == DType::kI64 || tensor.dtype() == DType::kF64) {
      int64_t bits = 0;
      RETURN_IF_ERROR(ReadRange(tensor, 0, 1, &bits));
      if (tensor.dtype() == DType::kI64) return std::optional(bits);
      return Whole(std::bit_cast<double>(bits));
    }
    if (tensor.dtype() == DType::kF32) {
      float real = 0;
      RETURN_IF_ERROR(ReadRange(tensor, 0, 1, &real));
      return Whole(real);
    }
    return std::optional<int64_t>();
  }

  const std::string root_;
  const std::shared_ptr<ZipPool> pool_ = std::make_shared<ZipPool>();
  TensorSource source_;
  std::optional<int64_t> step_;
  std::map<std::string, int> left_out_;
};

}  // namespace

bool IsUniversalDirectory(const std::string& directory) {
  return IsDirectory(JoinPath(Resolve(directory), kStates));
}

absl::StatusOr<TensorSource> OpenUniversal(const std::string& directory) {
  return UniversalReader(Resolve(directory)).Read();
}

}  // namespace perdure
