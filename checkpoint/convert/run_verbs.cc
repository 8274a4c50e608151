// prune, du: the snapshots of a run directory.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "checkpoint/convert/verbs.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/retention.h"
#include "checkpoint/snapshot/snapshot.h"
#include "checkpoint/snapshot/snapshots_directory.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

constexpr char kJournalDirectory[] = "journal";

// Bytes of a file, or of all files below a directory; what goes away meanwhile
// counts as nothing.
uint64_t BytesBelow(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::is_regular_file(path, error)) return fs::file_size(path, error);
  uint64_t bytes = 0;
  for (fs::recursive_directory_iterator it(path, error), end;
       !error && it != end; it.increment(error)) {
    std::error_code gone;
    if (!it->is_regular_file(gone)) continue;
    const uintmax_t size = it->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

std::string NameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// Bytes of tensors in a snapshot of one file a node; none in others, whose
// files tell.
struct TensorTotals {
  uint64_t weights = 0;
  uint64_t optimizer = 0;
};
std::optional<TensorTotals> TotalsOfNodes(const std::string& path) {
  const absl::StatusOr<SnapshotManifest> manifest = ReadManifest(path);
  if (!manifest.ok()) return std::nullopt;
  TensorTotals totals;
  for (const ManifestTensor& tensor : manifest->tensors()) {
    if (tensor.has_alias_of()) continue;
    if (!IsScattered(tensor)) return std::nullopt;
    const bool weight = tensor.kind() == StateKindName(StateKind::kWeight);
    (weight ? totals.weights : totals.optimizer) += TensorBytes(tensor);
  }
  return totals;
}

struct Row {
  std::string name;
  uint64_t weights = 0;
  uint64_t optimizer = 0;
  uint64_t other = 0;
  uint64_t total() const { return weights + optimizer + other; }
};

void Print(const Row& row, std::ostream& out) {
  out << absl::StrFormat("%-24s %12s %12s %12s %12s\n", row.name,
                         HumanBytes(row.weights), HumanBytes(row.optimizer),
                         HumanBytes(row.other), HumanBytes(row.total()));
}

}  // namespace

absl::StatusOr<int> RunPrune(const Operands& operands,
                             const CheckpointFlags& flags,
                             const CheckpointOutput& output) {
  const std::string& run_dir = operands[0];
  if (flags.keep_last < 1) {
    return absl::InvalidArgumentError(
        "prune needs --keep_last, at least 1; what else is to stay, "
        "--keep_every says");
  }
  if (flags.keep_every < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--keep_every ", flags.keep_every, ": 0 or a number of steps"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, SnapshotsOf(run_dir));
  const int64_t newest = *ParseSnapshotName(NameOf(paths.front()));
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(NameOf(path));
  SnapshotWriteOptions options;
  options.run_dir = run_dir;
  options.keep_last = flags.keep_last;
  options.keep_every = flags.keep_every;
  const std::vector<std::string> old = SnapshotsToPrune(
      names, newest, {options.keep_last, options.keep_every, {}});
  if (old.empty()) {
    output.out << "nothing to prune: " << names.size() << " snapshots stay\n";
    return 0;
  }
  // What is pruned is gone: the newest one must really be good.
  ASSIGN_OR_RETURN(const std::unique_ptr<Snapshot> kept,
                   Snapshot::Open(paths.front()));
  RETURN_IF_ERROR(Annotate(
      kept->Verify({}), "nothing is pruned, the newest snapshot is damaged"));
  std::vector<uint64_t> sizes;
  for (const std::string& name : old) {
    sizes.push_back(
        BytesBelow(JoinPath(JoinPath(run_dir, kSnapshotsDirectory), name)));
  }
  if (!flags.dry_run) {
    const std::unique_ptr<Storage> storage = MakePosixStorage();
    RETURN_IF_ERROR(PruneSnapshots(*storage, options, newest));
  }
  uint64_t bytes = 0;
  for (size_t i = 0; i < old.size(); ++i) {
    bytes += sizes[i];
    output.out << (flags.dry_run ? "would remove " : "removed ") << old[i]
               << ", " << HumanBytes(sizes[i]) << "\n";
  }
  output.out << old.size() << " snapshots, " << HumanBytes(bytes) << "; "
             << names.size() - old.size() << " stay\n";
  return 0;
}

absl::StatusOr<int> RunDu(const Operands& operands, const CheckpointFlags&,
                          const CheckpointOutput& output) {
  const std::string& run_dir = operands[0];
  const std::string snapshots = JoinPath(run_dir, kSnapshotsDirectory);
  if (!IsDirectory(snapshots)) {
    return absl::NotFoundError(
        absl::StrCat(snapshots, ": no such directory; du takes a run's"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(snapshots));
  output.out << absl::StrFormat("%-24s %12s %12s %12s %12s\n", "", "weights",
                                "optimizer", "other", "total");
  Row sum{"total"};
  for (const std::string& name : names) {
    const std::string path = JoinPath(snapshots, name);
    Row row{name};
    if (const auto totals = TotalsOfNodes(path)) {
      row.weights = totals->weights;
      row.optimizer = totals->optimizer;
    } else {
      row.weights = BytesBelow(JoinPath(path, kWeightsName));
      row.optimizer = BytesBelow(JoinPath(path, kOptimizerName));
    }
    row.other = BytesBelow(path) - row.weights - row.optimizer;
    sum.weights += row.weights;
    sum.optimizer += row.optimizer;
    sum.other += row.other;
    Print(row, output.out);
  }
  const std::string journal = JoinPath(run_dir, kJournalDirectory);
  if (IsDirectory(journal)) {
    Row row{kJournalDirectory};
    row.other = BytesBelow(journal);
    sum.other += row.other;
    Print(row, output.out);
  }
  Print(sum, output.out);
  return 0;
}

}  // namespace perdure
