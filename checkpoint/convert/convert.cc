#include "checkpoint/convert/convert.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/convert/flat_target.h"
#include "checkpoint/convert/paths.h"
#include "checkpoint/convert/rule_sets.h"
#include "checkpoint/convert/run_start.h"
#include "checkpoint/convert/targets.h"
#include "checkpoint/format/checksum.h"
#include "glog/logging.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

// Sizes and times of the source's files: a source that has changed is another
// conversion.
std::string Stamp(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<std::string> lines;
  const auto add = [&](const fs::path& file) {
    const auto size = fs::file_size(file, error);
    const auto time = fs::last_write_time(file, error);
    lines.push_back(absl::StrCat(file.string(), " ", size, " ",
                                 time.time_since_epoch().count()));
  };
  if (!IsDirectory(path)) add(path);
  for (fs::recursive_directory_iterator it(path, error), end;
       !error && it != end; it.increment(error)) {
    if (it->is_regular_file(error)) add(it->path());
  }
  std::sort(lines.begin(), lines.end());
  return absl::StrJoin(lines, "\n");
}

absl::StatusOr<std::string> Fingerprint(const ConvertOptions& options,
                                        const std::string& to,
                                        const CanonicalSource& source) {
  std::string text = absl::StrCat(
      to, "\n", options.from, "\n", options.rules, "\n", options.dtype, "\n",
      source.run.config_text, "\n", Stamp(options.source), "\n");
  if (!options.rules.empty()) {
    ASSIGN_OR_RETURN(const ConversionRules rules, LoadRules(options.rules));
    text += rules.DebugString();
  }
  for (const ConvertedTensor& tensor : source.tensors) {
    absl::StrAppend(&text, StateKindName(tensor.kind), " ", tensor.name, " ",
                    DTypeName(tensor.tensor->dtype()), " ",
                    absl::StrJoin(tensor.tensor->shape(), ","), "\n");
  }
  return std::string(
      absl::StrCat(absl::Hex(Checksum(text.data(), text.size()))));
}

absl::Status CheckTarget(const std::string& target, bool may_be_empty) {
  if (!FileExists(target)) return absl::OkStatus();
  if (may_be_empty && IsDirectory(target)) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names,
                     ListDirectory(target));
    if (names.empty()) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      target, " exists; name another target, nothing is overwritten"));
}

bool IsOurs(absl::string_view format) {
  return format == "perdure" || format == "hf";
}

bool IsFlat(absl::string_view format) {
  return format == "llmc" || format == "llama2c";
}

// One conversion, from options to report.
class Conversion {
 public:
  Conversion(const ConvertOptions& options, const ConvertProgress& progress)
      : options_(options), progress_(progress), target_(options.target) {}

  absl::StatusOr<ConvertReport> Run() {
    RETURN_IF_ERROR(Read());
    RETURN_IF_ERROR(Shape());
    RETURN_IF_ERROR(Write());
    report_.from = source_.format;
    report_.target = target_;
    report_.notes = source_.notes;
    for (const AveragedTensor& averaged : source_.averaged) {
      report_.notes.push_back(
          absl::StrCat(averaged.name, ": the mean of its copies, which are up ",
                       "to ", averaged.mean->max_difference(), " from it"));
    }
    return std::move(report_);
  }

 private:
  absl::Status Read() {
    ReadOptions read{options_.from, options_.rules, options_.model, true};
    if (read.format.empty()) {
      ASSIGN_OR_RETURN(read.format, DetectFormat(options_.source));
    }
    report_.to = options_.to;
    if (report_.to.empty()) {
      const bool out = read.format == "perdure" && options_.config.empty();
      report_.to = out ? "hf" : "perdure";
    }
    const std::vector<std::string> targets = TargetFormats();
    if (std::find(targets.begin(), targets.end(), report_.to) ==
        targets.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--to ", report_.to, ": it is one of ", absl::StrJoin(targets, ", "),
          DidYouMean(report_.to, targets)));
    }
    if (!options_.dtype.empty() && options_.dtype != "fp32" &&
        options_.dtype != "bf16") {
      return absl::InvalidArgumentError(
          absl::StrCat("--dtype ", options_.dtype, ": it is fp32 or bf16"));
    }
    if (!options_.config.empty()) {
      RETURN_IF_ERROR(CheckRunOptions());
    } else {
      RETURN_IF_ERROR(CheckTarget(target_, report_.to != "perdure"));
    }
    read.needs_model = report_.to != "safetensors";
    writes_by_rules_ = report_.to == "safetensors" && IsOurs(read.format);
    if (writes_by_rules_) read.rules.clear();
    ASSIGN_OR_RETURN(source_, OpenCanonical(options_.source, read));
    if (!options_.config.empty()) RETURN_IF_ERROR(BecomeRun());
    return source_.model.has_value() ? CheckAdapters() : absl::OkStatus();
  }

  absl::Status CheckRunOptions() const {
    if (report_.to != "perdure") {
      return absl::InvalidArgumentError(absl::StrCat(
          "--config makes a run, which --to ", report_.to, " is not"));
    }
    if (options_.dtype.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "--dtype with --config: the config says it, train.dtype");
  }

  absl::Status BecomeRun() {
    ASSIGN_OR_RETURN(const RunConfig config,
                     StartRun(options_.config, &source_));
    dtype_ = config.train().dtype() == TrainConfig::BF16 ? "bf16" : "fp32";
    ASSIGN_OR_RETURN(target_,
                     FirstSnapshotPath(options_.target, source_.run.step));
    return absl::OkStatus();
  }

  // What other programs know as parameters are not adapters and prefixes.
  absl::Status CheckAdapters() {
    if (report_.to == "perdure" ||
        (!source_.model->has_lora() && !source_.model->has_prefix())) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(absl::StrCat(
        source_.description, " has adapters, which a model of format ",
        report_.to, " cannot hold; perdure-ckpt export writes them for PEFT, ",
        "or with --merge_lora adds them to the weights"));
  }

  // The tensors as they are to be written.
  absl::Status Shape() {
    if (report_.to != "perdure") {
      std::erase_if(source_.tensors, [](const ConvertedTensor& tensor) {
        return tensor.kind != StateKind::kWeight;
      });
    }
    if (IsFlat(report_.to)) {
      ASSIGN_OR_RETURN(flat_, MakeFlatTarget(report_.to, options_.dtype,
                                             *source_.model, source_.tensors));
      source_.tensors = flat_.tensors;
      return absl::OkStatus();
    }
    CastWeights();
    if (!writes_by_rules_ || options_.rules.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const ConversionRules rules, LoadRules(options_.rules));
    ASSIGN_OR_RETURN(
        RuleResult written,
        ApplyRules(
            rules, Direction::kToTheirs, AsSource(source_.tensors),
            source_.model.has_value() ? &*source_.model : nullptr,
            absl::StrCat(source_.description, ", rules ", options_.rules)));
    source_.tensors = std::move(written.tensors);
    return absl::OkStatus();
  }

  void CastWeights() {
    if (dtype_.empty()) return;
    const DType dtype = dtype_ == "bf16" ? DType::kBF16 : DType::kF32;
    const bool snapshot = report_.to == "perdure";
    const auto of_kind = [&](StateKind kind) {
      return std::any_of(
          source_.tensors.begin(), source_.tensors.end(),
          [&](const ConvertedTensor& tensor) { return tensor.kind == kind; });
    };
    const bool masters = snapshot && dtype != DType::kF32 &&
                         of_kind(StateKind::kMoment1) &&
                         !of_kind(StateKind::kMaster);
    std::vector<ConvertedTensor> added;
    for (ConvertedTensor& tensor : source_.tensors) {
      const bool matrix = tensor.tensor->shape().size() > 1;
      if (tensor.kind != StateKind::kWeight || (snapshot && !matrix)) continue;
      if (masters) {
        added.push_back({tensor.name, StateKind::kMaster,
                         Cast(tensor.tensor, DType::kF32), false});
      }
      tensor.tensor = Cast(tensor.tensor, dtype);
    }
    source_.tensors.insert(source_.tensors.end(), added.begin(), added.end());
    if (snapshot && dtype == DType::kF32) {
      // Masters are there behind 16-bit weights only.
      std::erase_if(source_.tensors, [](const ConvertedTensor& tensor) {
        return tensor.kind == StateKind::kMaster;
      });
    }
  }

  absl::Status Write() {
    const NewDirectory target = SplitNewDirectory(target_);
    const std::unique_ptr<Storage> disk = MakePosixStorage();
    ASSIGN_OR_RETURN(const std::string fingerprint,
                     Fingerprint(options_, report_.to, source_));
    ASSIGN_OR_RETURN(const std::unique_ptr<ResumableStorage> storage,
                     ResumableStorage::Start(*disk, target, fingerprint));
    TensorPieces pieces(source_.tensors, *storage, progress_);
    report_.tensors = source_.tensors.size();
    report_.bytes = pieces.total_bytes();
    report_.resumed = storage->adopted();
    report_.resumed_bytes = storage->adopted_bytes();
    const absl::Status written = WriteTo(target, *storage, pieces);
    return Finish(written, *disk, *storage,
                  JoinPath(target.parent, target.temporary));
  }

  // What a full disk has stopped can go on; after another error there is
  // nothing to go on with.
  static absl::Status Finish(const absl::Status& written, Storage& disk,
                             ResumableStorage& storage,
                             const std::string& temporary) {
    if (absl::IsAborted(written) && FileExists(temporary)) {
      return absl::AbortedError(
          absl::StrCat(written.message(), "; what is written stays in ",
                       temporary, ", and the same command goes on with it"));
    }
    absl::Status status = written;
    status.Update(storage.Finish());
    status.Update(disk.RemoveTree(temporary));
    return status;
  }

  absl::Status WriteTo(const NewDirectory& target, ResumableStorage& storage,
                       TensorPieces& pieces) {
    if (report_.to == "perdure") {
      return WriteSnapshotTarget(source_, Recast(), target, storage, pieces);
    }
    if (IsFlat(report_.to)) {
      return WriteFlatTarget(flat_.format, target, storage, pieces);
    }
    SideFiles side_files;
    if (report_.to == "hf") {
      ASSIGN_OR_RETURN(side_files, HuggingFaceSideFiles(source_, Recast()));
    }
    return WriteSafetensorsTarget(source_.tensors, side_files, target, storage,
                                  pieces);
  }

  bool Recast() const { return !dtype_.empty(); }

  const ConvertOptions& options_;
  const ConvertProgress& progress_;
  std::string target_;                  // the snapshot's, of a run
  std::string dtype_ = options_.dtype;  // or the run's
  bool writes_by_rules_ = false;
  CanonicalSource source_;
  FlatTarget flat_;
  ConvertReport report_;
};

}  // namespace

std::vector<std::string> TargetFormats() {
  return {"perdure", "hf", "safetensors", "llmc", "llama2c"};
}

absl::StatusOr<ConvertReport> Convert(const ConvertOptions& options,
                                      const ConvertProgress& progress) {
  return Conversion(options, progress).Run();
}

}  // namespace perdure
