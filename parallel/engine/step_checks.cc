#include "parallel/engine/step_checks.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/state/digest.h"

namespace perdure {
namespace {

// What every rank knows of a step, as one number.
uint64_t DigestOf(const StepRecord& record) {
  uint64_t index = 0, all = 0;
  const auto add = [&](double x) {
    all += Mix(index++, std::bit_cast<uint64_t>(x));
  };
  for (const int64_t x : {record.step, record.tokens, record.samples_end}) {
    all += Mix(index++, static_cast<uint64_t>(x));
  }
  for (const double x :
       {record.loss, record.learning_rate, record.grad_norm,
        record.skipped ? 1.0 : 0.0, static_cast<double>(record.decay)}) {
    add(x);
  }
  for (const float c : record.coefficients) add(c);
  return all;
}

std::string RanksAndHosts(const std::vector<int>& ranks,
                          const std::vector<std::string>& hosts) {
  return absl::StrJoin(ranks, ", ", [&](std::string* out, int rank) {
    absl::StrAppend(out, "rank ", rank, " on ",
                    hosts[static_cast<size_t>(rank)]);
  });
}

bool OnOneHost(const std::vector<int>& ranks,
               const std::vector<std::string>& hosts) {
  return std::all_of(ranks.begin(), ranks.end(), [&](int rank) {
    return hosts[static_cast<size_t>(rank)] ==
           hosts[static_cast<size_t>(ranks[0])];
  });
}

// The ranks whose number is not that of more than half of them; all, where
// there is no such number.
std::vector<int> Minority(const std::vector<uint64_t>& numbers, bool* certain) {
  std::map<uint64_t, size_t> counts;
  for (const uint64_t number : numbers) ++counts[number];
  std::vector<int> ranks;
  *certain = false;
  for (const auto& [number, count] : counts) {
    *certain = *certain || 2 * count > numbers.size();
  }
  for (size_t r = 0; r < numbers.size(); ++r) {
    if (*certain && 2 * counts[numbers[r]] > numbers.size()) continue;
    ranks.push_back(static_cast<int>(r));
  }
  return ranks;
}

}  // namespace

StepChecks::StepChecks(const ResilienceConfig& config,
                       const ProcessGroups* groups, std::string host,
                       int64_t agreed_step)
    : config_(config),
      groups_(groups),
      host_(std::move(host)),
      agreed_step_(agreed_step),
      spikes_(config.spike_factor(), config.spike_window()) {}

bool StepChecks::NeedsEvidence(int64_t step) const {
  const int32_t every = config_.repeat_every_steps();
  return config_.repeat_bad_steps() || (every > 0 && step % every == 0);
}

bool StepChecks::RepeatDue(const StepRecord& record, bool bad) const {
  const int32_t every = config_.repeat_every_steps();
  if (every > 0 && record.step % every == 0) return true;
  return config_.repeat_bad_steps() && (bad || spikes_.IsSpike(record.loss));
}

absl::Status StepChecks::CompareRepeat(int64_t step, uint64_t first,
                                       uint64_t second) {
  Communicator& world = *groups_->world;
  const uint8_t differs = first != second ? 1 : 0;
  std::vector<uint8_t> all(static_cast<size_t>(world.size()));
  RETURN_IF_ERROR(world.AllGather(&differs, sizeof(differs), all.data()));
  std::set<int> named;
  // What one rank computes goes into what the others of its replica do: none
  // of these can be told apart.
  for (int rank = 0; rank < world.size(); ++rank) {
    if (all[static_cast<size_t>(rank)] == 0) continue;
    for (const int mate :
         groups_->topology.GroupOf(rank, {Axis::kPipeline, Axis::kTensor})) {
      named.insert(mate);
    }
  }
  if (named.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> hosts,
                   AllGatherStrings(world, host_));
  Blame blame;
  blame.ranks.assign(named.begin(), named.end());
  const Topology& topology = groups_->topology;
  blame.certain =
      topology.pp() * topology.tp() == 1 || OnOneHost(blame.ranks, hosts);
  // The step has not been counted: what was before it is as good as it was.
  blame.trusted_step = step - 1;
  return WrongResultError(
      blame, absl::StrCat("step ", step,
                          " was computed twice from the same weights and data, "
                          "with different results: ",
                          RanksAndHosts(blame.ranks, hosts),
                          " computes or remembers wrongly; leave that host "
                          "out and resume"));
}

absl::Status StepChecks::CompareReplicas(
    int64_t state_step, absl::FunctionRef<std::vector<TensorDigest>()> look) {
  std::vector<TensorDigest> mine = look();
  const uint64_t total = Combine(mine);
  Communicator& replicas = *groups_->replicas;
  std::vector<uint64_t> totals(static_cast<size_t>(replicas.size()));
  RETURN_IF_ERROR(replicas.AllGather(&total, sizeof(total), totals.data()));
  const bool agree =
      std::count(totals.begin(), totals.end(), total) == replicas.size();
  Communicator& world = *groups_->world;
  ASSIGN_OR_RETURN(const double differ,
                   AllReduceScalar(world, agree ? 0 : 1, ReduceOp::kMax));
  if (differ == 0) {
    agreed_step_ = state_step;
    return absl::OkStatus();
  }
  const bool steady = look() == mine;
  ASSIGN_OR_RETURN(
      const std::vector<std::string> texts,
      AllGatherStrings(world, EncodeReport({host_, steady, std::move(mine)})));
  std::vector<ReplicaReport> reports;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(reports.emplace_back(), DecodeReport(text));
  }
  return JudgeReplicas(groups_->topology, reports, state_step, agreed_step_);
}

absl::Status StepChecks::CompareRecords(const StepRecord& record) {
  if (!compares_replicas()) return absl::OkStatus();
  Communicator& world = *groups_->world;
  const uint64_t mine = DigestOf(record);
  std::vector<uint64_t> all(static_cast<size_t>(world.size()));
  RETURN_IF_ERROR(world.AllGather(&mine, sizeof(mine), all.data()));
  if (std::count(all.begin(), all.end(), mine) == world.size()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> hosts,
                   AllGatherStrings(world, host_));
  Blame blame;
  blame.ranks = Minority(all, &blame.certain);
  blame.trusted_step = agreed_step_;
  return WrongResultError(
      blame, absl::StrCat("step ", record.step, ": ",
                          RanksAndHosts(blame.ranks, hosts),
                          " has other numbers (loss, rate, coefficients) than ",
                          blame.certain ? "the other ranks" : "one another",
                          ", although all take them from the same sums"));
}

}  // namespace perdure
