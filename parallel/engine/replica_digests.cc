#include "parallel/engine/replica_digests.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/state/digest.h"

namespace perdure {
namespace {

constexpr size_t kTensorsShown = 3;

// The elements [begin, end) of a slot's local shard, at `data`, by their places
// in the whole tensor.
uint64_t DigestPart(const ParamLayout& layout, const ParamSlot& slot,
                    DType dtype, const void* data, Range part) {
  uint64_t digest = 0;
  for (const ShardRun& run :
       ShardRuns(slot.spec, layout.tp(), layout.tp_rank())) {
    const Range common =
        Intersect(part, {run.local_offset, run.local_offset + run.length});
    if (common.size() <= 0) continue;
    digest += Digest(dtype,
                     static_cast<const char*>(data) +
                         (common.begin - part.begin) * SizeOf(dtype),
                     static_cast<uint64_t>(run.global_offset + common.begin -
                                           run.local_offset),
                     static_cast<uint64_t>(common.size()));
  }
  return digest;
}

std::string Who(const std::vector<int>& ranks,
                const std::vector<ReplicaReport>& reports) {
  return absl::StrJoin(ranks, ", ", [&](std::string* out, int rank) {
    absl::StrAppend(out, "rank ", rank, " on ",
                    reports[static_cast<size_t>(rank)].host);
  });
}

// "a.weight 0123456789abcdef, not fedcba9876543210", of the tensors in which
// two reports differ.
std::string Differences(const ReplicaReport& one, const ReplicaReport& other) {
  std::vector<std::string> texts;
  const size_t tensors = std::min(one.tensors.size(), other.tensors.size());
  size_t different = 0;
  for (size_t i = 0; i < tensors; ++i) {
    if (one.tensors[i] == other.tensors[i]) continue;
    if (++different > kTensorsShown) continue;
    texts.push_back(absl::StrFormat("%s %016x, not %016x", one.tensors[i].name,
                                    one.tensors[i].digest,
                                    other.tensors[i].digest));
  }
  if (different > kTensorsShown) {
    texts.push_back(absl::StrCat("and ", different - kTensorsShown, " more"));
  }
  return absl::StrJoin(texts, "; ");
}

// What was found in one group, or in all of them so far.
struct Findings {
  std::set<int> guilty, suspects;
  std::vector<std::string> texts;
};

void JudgeGroup(const std::vector<int>& ranks,
                const std::vector<ReplicaReport>& reports, Findings* findings) {
  const auto report = [&](int rank) -> const ReplicaReport& {
    return reports[static_cast<size_t>(rank)];
  };
  std::map<uint64_t, std::vector<int>> holders;
  for (const int rank : ranks) {
    holders[Combine(report(rank).tensors)].push_back(rank);
  }
  if (holders.size() == 1) return;
  std::vector<int> unsteady;
  for (const int rank : ranks) {
    if (!report(rank).steady) unsteady.push_back(rank);
  }
  const auto most = std::max_element(holders.begin(), holders.end(),
                                     [](const auto& a, const auto& b) {
                                       return a.second.size() < b.second.size();
                                     });
  const bool majority = 2 * most->second.size() > ranks.size();
  if (!unsteady.empty()) {
    findings->guilty.insert(unsteady.begin(), unsteady.end());
    findings->texts.push_back(absl::StrCat(
        Who(unsteady, reports), " finds other values each time it looks"));
  }
  for (const auto& [digest, wrong] : holders) {
    if (digest == most->first) continue;
    findings->texts.push_back(
        absl::StrCat(Who(wrong, reports), " has ",
                     Differences(report(wrong[0]), report(most->second[0])),
                     " as ", Who(most->second, reports)));
    if (majority) {
      findings->guilty.insert(wrong.begin(), wrong.end());
    } else if (unsteady.empty()) {
      findings->suspects.insert(ranks.begin(), ranks.end());
    }
  }
}

}  // namespace

std::vector<TensorDigest> DigestReplica(ModelRuntime* runtime,
                                        OptimizerState* optimizer) {
  const ParamLayout& layout = runtime->layout();
  std::vector<TensorDigest> digests;
  for (const ParamSlot& slot : layout.slots()) {
    digests.push_back(
        {slot.spec.name,
         DigestPart(layout, slot, runtime->params().SlotDType(slot),
                    runtime->params().SlotData(slot), {0, slot.size})});
  }
  if (optimizer == nullptr || optimizer->parts() > 1) return digests;
  for (const OwnedRange& range : optimizer->held().ranges) {
    const ParamSlot& slot = layout.slots()[static_cast<size_t>(range.slot)];
    const std::vector<StateKind> kinds = optimizer->Kinds(slot);
    if (std::count(kinds.begin(), kinds.end(), StateKind::kMaster) == 0) {
      continue;
    }
    digests.push_back({absl::StrCat(slot.spec.name, " (master)"),
                       DigestPart(layout, slot, DType::kF32,
                                  optimizer->Data(StateKind::kMaster, range),
                                  {range.begin, range.end})});
  }
  return digests;
}

uint64_t Combine(const std::vector<TensorDigest>& digests) {
  uint64_t all = 0;
  for (size_t i = 0; i < digests.size(); ++i) all += Mix(i, digests[i].digest);
  return all;
}

std::string EncodeReport(const ReplicaReport& report) {
  std::string text = absl::StrCat(report.host, "\n", report.steady ? 1 : 0);
  for (const TensorDigest& tensor : report.tensors) {
    absl::StrAppend(&text, "\n", tensor.digest, " ", tensor.name);
  }
  return text;
}

absl::StatusOr<ReplicaReport> DecodeReport(absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  ReplicaReport report;
  if (lines.size() < 2) return absl::InternalError("a report without lines");
  report.host = std::string(lines[0]);
  report.steady = lines[1] == "1";
  for (size_t i = 2; i < lines.size(); ++i) {
    const std::vector<absl::string_view> parts =
        absl::StrSplit(lines[i], absl::MaxSplits(' ', 1));
    TensorDigest& tensor = report.tensors.emplace_back();
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &tensor.digest)) {
      return absl::InternalError(
          absl::StrCat("a report with the line '", lines[i], "'"));
    }
    tensor.name = std::string(parts[1]);
  }
  return report;
}

absl::Status JudgeReplicas(const Topology& topology,
                           const std::vector<ReplicaReport>& reports,
                           int64_t state_step, int64_t trusted_step) {
  Findings findings;
  const std::vector<Axis> axes = {Axis::kData, Axis::kPerturbation};
  for (int rank = 0; rank < topology.ranks(); ++rank) {
    const std::vector<int> group = topology.GroupOf(rank, axes);
    if (group[0] == rank) JudgeGroup(group, reports, &findings);
  }
  if (findings.texts.empty()) return absl::OkStatus();
  Blame blame;
  blame.trusted_step = trusted_step;
  blame.certain = findings.suspects.empty();
  std::set<int> named = findings.guilty;
  named.insert(findings.suspects.begin(), findings.suspects.end());
  blame.ranks.assign(named.begin(), named.end());
  return WrongResultError(
      blame,
      absl::StrCat(
          "after step ", state_step,
          " the replicas' weights differ (they agreed after step ",
          trusted_step, "): ", absl::StrJoin(findings.texts, "; "),
          blame.certain ? "" : "; there is no majority to say who is wrong"));
}

}  // namespace perdure
