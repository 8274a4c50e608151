// inspect, verify.

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "checkpoint/convert/open_source.h"
#include "checkpoint/convert/tensor_stats.h"
#include "checkpoint/convert/verbs.h"
#include "checkpoint/format/tensor_index.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

absl::Status VerifyOne(const std::string& dir, const CheckpointOutput& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Snapshot> snapshot,
                   Snapshot::Open(dir));
  uint64_t bytes = 0;
  double seconds = 0;
  {
    ByteProgressLine line(output.progress);
    RETURN_IF_ERROR(snapshot->Verify([&](uint64_t done, uint64_t total) {
      bytes = done;
      line.Update(done, total);
    }));
    seconds = line.seconds();
  }
  output.out << dir << ": good, " << HumanBytes(bytes) << " at "
             << RateText(bytes, seconds) << "\n";
  return absl::OkStatus();
}

absl::Status InspectRun(const std::string& dir, std::ostream& out) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, SnapshotsOf(dir));
  for (const std::string& path : paths) {
    const auto snapshot = Snapshot::Open(path);
    if (!snapshot.ok()) {
      out << path << ": DAMAGED: " << snapshot.status().message() << "\n";
      continue;
    }
    const RunState& run = (*snapshot)->run();
    out << absl::StrFormat("%s: step %d, generation %d, %d tokens, %s\n", path,
                           run.step, run.generation, run.tokens, run.topology);
  }
  return absl::OkStatus();
}

// Of a checkpoint of another program: what it holds, under its own names.
void ListTensors(const TensorSource& source, std::ostream& out) {
  uint64_t bytes = 0;
  for (const SourceTensor& tensor : source.tensors) {
    if (tensor.tensor != nullptr) bytes += tensor.tensor->bytes();
  }
  out << source.description << ": " << source.tensors.size() << " tensors, "
      << HumanBytes(bytes) << "\n";
  for (const SourceTensor& tensor : source.tensors) {
    out << absl::StrFormat(
        "  %-10s  %-5s %-16s %s%s\n", StateKindName(tensor.kind),
        tensor.dtype_name, ShapeText(tensor.shape), tensor.name,
        tensor.tensor == nullptr ? "   (" + tensor.problem + ")" : "");
  }
  for (const std::string& note : source.notes) out << "note: " << note << "\n";
}

absl::Status PrintStats(const TensorSource& source,
                        const CheckpointOutput& output) {
  uint64_t total = 0;
  for (const SourceTensor& tensor : source.tensors) {
    if (tensor.tensor != nullptr) total += tensor.tensor->bytes();
  }
  output.out << absl::StrFormat("%-10s  %11s %11s %11s %11s %6s  %s\n", "state",
                                "mean", "std", "min", "max", "NaN", "tensor");
  uint64_t done = 0;
  for (const SourceTensor& tensor : source.tensors) {
    if (tensor.tensor == nullptr || !HasStats(tensor.tensor->dtype())) continue;
    ByteProgressLine line(output.progress);
    ASSIGN_OR_RETURN(const TensorStats stats,
                     ComputeStats(*tensor.tensor, [&](uint64_t bytes) {
                       line.Update(done + bytes, total);
                     }));
    done += tensor.tensor->bytes();
    output.out << absl::StrFormat(
        "%-10s  %11.4g %11.4g %11.4g %11.4g %6d  %s\n",
        StateKindName(tensor.kind), stats.mean, stats.std, stats.min, stats.max,
        stats.nans, tensor.name);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> RunVerify(const Operands& operands, const CheckpointFlags&,
                              const CheckpointOutput& output) {
  if (IsOneSnapshot(operands[0])) {
    RETURN_IF_ERROR(VerifyOne(operands[0], output));
    return 0;
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                   SnapshotsOf(operands[0]));
  absl::Status first;
  for (const std::string& path : paths) {
    const absl::Status status = VerifyOne(path, output);
    if (!status.ok()) {
      output.out << path << ": DAMAGED: " << status.message() << "\n";
    }
    first.Update(status);
  }
  RETURN_IF_ERROR(first);
  return 0;
}

absl::StatusOr<int> RunInspect(const Operands& operands,
                               const CheckpointFlags& flags,
                               const CheckpointOutput& output) {
  const std::string& path = operands[0];
  std::string format = flags.from;
  if (format.empty()) {
    ASSIGN_OR_RETURN(format, DetectFormat(path));
  }
  if (format == "perdure" && !flags.stats) {
    if (!IsOneSnapshot(path)) {
      RETURN_IF_ERROR(InspectRun(path, output.out));
      return 0;
    }
    ASSIGN_OR_RETURN(const std::unique_ptr<Snapshot> snapshot,
                     Snapshot::Open(path));
    output.out << snapshot->Inspect();
    return 0;
  }
  ASSIGN_OR_RETURN(const TensorSource source, OpenSource(path, format));
  if (flags.stats) {
    RETURN_IF_ERROR(PrintStats(source, output));
  } else {
    ListTensors(source, output.out);
  }
  return 0;
}

}  // namespace perdure
