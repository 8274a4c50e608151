#include "checkpoint/convert/commands.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {

const char kCheckpointHelp[] =
    R"(perdure-ckpt: look at, check and convert snapshots

  perdure-ckpt import HF_DIR SNAPSHOT_DIR
      Makes a snapshot (step 0, weights only) of a Hugging Face directory:
      config.json, model.safetensors or its shards, tokenizer files. Names,
      dtypes and bytes are kept. To start a training from it:
        model { init_from: "SNAPSHOT_DIR" }   (HF_DIR itself will do as well)

  perdure-ckpt export SNAPSHOT_DIR HF_DIR
      Writes the weights of a snapshot as a Hugging Face directory, which
      transformers.AutoModelForCausalLM.from_pretrained(HF_DIR) loads. (It also
      loads SNAPSHOT_DIR as it is; export leaves the optimizer state behind and
      checks every byte.)

  perdure-ckpt inspect DIR
      What a snapshot holds, or which snapshots a run directory has.

  perdure-ckpt verify DIR
      Reads every byte of a snapshot, or of all snapshots of a run directory,
      and compares checksums.

  --progress    show progress on stderr (default: where that is a terminal)
  --help        this text
  --version     the version

Snapshots are in RUN_DIR/snapshots/step-000001000. One that is damaged is never
read; a resumed run takes the one before it.

Exit codes: 0 done, 2 wrong command line, 3 missing or unusable files,
7 damaged snapshot or full disk.
)";

namespace {

class Stopwatch {
 public:
  double seconds() const { return absl::ToDoubleSeconds(absl::Now() - start_); }

 private:
  const absl::Time start_ = absl::Now();
};

std::string RateText(uint64_t bytes, double seconds) {
  return absl::StrFormat("%.2f GB/s", static_cast<double>(bytes) / 1e9 /
                                          (seconds > 1e-6 ? seconds : 1e-6));
}

bool IsSnapshot(const std::string& dir) {
  return FileExists(JoinPath(dir, kManifestName)) ||
         !IsDirectory(JoinPath(dir, kSnapshotsDirectory));
}

absl::Status VerifyOne(const std::string& dir, std::ostream& out,
                       std::ostream* progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Snapshot> snapshot,
                   Snapshot::Open(dir));
  const Stopwatch watch;
  uint64_t bytes = 0;
  double shown = 0;
  const absl::Status status =
      snapshot->Verify([&](uint64_t done, uint64_t total) {
        bytes = done;
        const double now = watch.seconds();
        if (progress == nullptr || now - shown < 0.2) return;
        shown = now;
        *progress << "\r" << HumanBytes(done) << " of " << HumanBytes(total)
                  << ", " << RateText(done, now) << "   " << std::flush;
      });
  if (shown > 0) *progress << "\r\033[K" << std::flush;
  RETURN_IF_ERROR(status);
  out << dir << ": good, " << HumanBytes(bytes) << " at "
      << RateText(bytes, watch.seconds()) << "\n";
  return absl::OkStatus();
}

// The snapshots of a run directory; NotFound if there are none.
absl::StatusOr<std::vector<std::string>> SnapshotsOf(const std::string& dir) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, ListSnapshots(dir));
  if (paths.empty()) {
    return absl::NotFoundError(absl::StrCat(JoinPath(dir, kSnapshotsDirectory),
                                            ": there is no snapshot (step-*)"));
  }
  return paths;
}

absl::Status Verify(const std::string& dir, std::ostream& out,
                    std::ostream* progress) {
  if (IsSnapshot(dir)) return VerifyOne(dir, out, progress);
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, SnapshotsOf(dir));
  absl::Status first;
  for (const std::string& path : paths) {
    const absl::Status status = VerifyOne(path, out, progress);
    if (!status.ok()) out << path << ": DAMAGED: " << status.message() << "\n";
    first.Update(status);
  }
  return first;
}

absl::Status Inspect(const std::string& dir, std::ostream& out) {
  if (IsSnapshot(dir)) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Snapshot> snapshot,
                     Snapshot::Open(dir));
    out << snapshot->Inspect();
    return absl::OkStatus();
  }
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

absl::Status Import(const std::string& hf_dir, const std::string& snapshot_dir,
                    std::ostream& out) {
  const Stopwatch watch;
  RETURN_IF_ERROR(ImportHuggingFace(hf_dir, snapshot_dir));
  out << snapshot_dir << ": imported from " << hf_dir << " in "
      << HumanDuration(watch.seconds()) << "\n";
  return absl::OkStatus();
}

absl::Status Export(const std::string& snapshot_dir, const std::string& hf_dir,
                    std::ostream& out) {
  const Stopwatch watch;
  RETURN_IF_ERROR(ExportHuggingFace(snapshot_dir, hf_dir));
  out << hf_dir << ": exported from " << snapshot_dir << " in "
      << HumanDuration(watch.seconds()) << "\n";
  return absl::OkStatus();
}

}  // namespace

absl::Status RunCheckpointCommand(const std::vector<std::string>& arguments,
                                  std::ostream& out, std::ostream* progress) {
  const std::vector<std::string> verbs = {"import", "export", "inspect",
                                          "verify"};
  if (arguments.empty()) {
    return absl::InvalidArgumentError(
        "a verb is missing: import, export, inspect or verify; see --help");
  }
  const std::string& verb = arguments[0];
  const bool conversion = verb == "import" || verb == "export";
  const size_t operands = conversion ? 2 : 1;
  if (!conversion && verb != "inspect" && verb != "verify") {
    return absl::InvalidArgumentError(absl::StrCat("unknown verb '", verb, "'",
                                                   DidYouMean(verb, verbs),
                                                   " (--help lists them)"));
  }
  if (arguments.size() != operands + 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        verb, " takes ", operands, conversion ? " directories" : " directory",
        ", ", arguments.size() - 1, " given; see --help"));
  }
  if (verb == "import") return Import(arguments[1], arguments[2], out);
  if (verb == "export") return Export(arguments[1], arguments[2], out);
  if (verb == "inspect") return Inspect(arguments[1], out);
  return Verify(arguments[1], out, progress);
}

}  // namespace perdure
