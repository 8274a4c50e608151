#include "checkpoint/convert/commands.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "checkpoint/convert/verbs.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

struct Verb {
  std::string name;
  size_t least;  // operands
  size_t most;
  const char* operands;
  std::vector<std::string> flags;
  VerbFunction run;
};

std::vector<Verb> Verbs() {
  return {{"convert",
           2,
           2,
           "a source and a target",
           {"from", "to", "rules", "model", "dtype", "config"},
           RunConvert},
          {"import", 2, 2, "two directories", {}, RunImport},
          {"export", 2, 2, "two directories", {"merge_lora"}, RunExport},
          {"rules", 0, 1, "at most one name", {}, RunRules},
          {"inspect", 1, 1, "one path", {"from", "stats"}, RunInspect},
          {"verify", 1, 1, "one directory", {}, RunVerify},
          {"diff", 2, 2, "two paths", {"rules", "model", "tolerance"}, RunDiff},
          {"prune",
           1,
           1,
           "one run directory",
           {"keep_last", "keep_every", "dry_run"},
           RunPrune},
          {"du", 1, 1, "one run directory", {}, RunDu}};
}

std::vector<std::string> Names(const std::vector<Verb>& verbs) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs) names.push_back(verb.name);
  names.push_back("replay");  // which checkpoint/replay does
  return names;
}

absl::Status CheckFlags(const Verb& verb, const CheckpointFlags& flags) {
  for (const std::string& flag : flags.given) {
    if (flag == "progress" || std::find(verb.flags.begin(), verb.flags.end(),
                                        flag) != verb.flags.end()) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, " is not for ", verb.name,
                     "; see perdure-ckpt ", verb.name, " --help"));
  }
  return absl::OkStatus();
}

}  // namespace

ByteProgressLine::~ByteProgressLine() {
  if (shown_ > 0) *stream_ << "\r\033[K" << std::flush;
}

void ByteProgressLine::Update(uint64_t done, uint64_t total) {
  const double now = seconds();
  if (stream_ == nullptr || now - shown_ < 0.2) return;
  shown_ = now;
  *stream_ << "\r" << HumanBytes(done) << " of " << HumanBytes(total) << ", "
           << RateText(done, now) << "   " << std::flush;
}

std::string RateText(uint64_t bytes, double seconds) {
  return absl::StrFormat("%.2f GB/s", static_cast<double>(bytes) / 1e9 /
                                          (seconds > 1e-6 ? seconds : 1e-6));
}

bool IsOneSnapshot(const std::string& dir) {
  return FileExists(JoinPath(dir, kManifestName)) ||
         !IsDirectory(JoinPath(dir, kSnapshotsDirectory));
}

absl::StatusOr<std::vector<std::string>> SnapshotsOf(const std::string& dir) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, ListSnapshots(dir));
  if (paths.empty()) {
    return absl::NotFoundError(absl::StrCat(JoinPath(dir, kSnapshotsDirectory),
                                            ": there is no snapshot (step-*)"));
  }
  return paths;
}

absl::StatusOr<int> RunCheckpointCommand(
    const std::vector<std::string>& arguments, const CheckpointFlags& flags,
    const CheckpointOutput& output) {
  const std::vector<Verb> verbs = Verbs();
  if (arguments.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a verb is missing: ", absl::StrJoin(Names(verbs), ", "),
                     "; see --help"));
  }
  const auto verb = std::find_if(
      verbs.begin(), verbs.end(),
      [&](const Verb& candidate) { return candidate.name == arguments[0]; });
  if (verb == verbs.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "unknown verb '", arguments[0], "'",
        DidYouMean(arguments[0], Names(verbs)), " (--help lists them)"));
  }
  RETURN_IF_ERROR(CheckFlags(*verb, flags));
  const Operands operands(arguments.begin() + 1, arguments.end());
  if (operands.size() < verb->least || operands.size() > verb->most) {
    return absl::InvalidArgumentError(absl::StrCat(
        verb->name, " takes ", verb->operands, ", ", operands.size(),
        " given; see perdure-ckpt ", verb->name, " --help"));
  }
  return verb->run(operands, flags, output);
}

}  // namespace perdure
