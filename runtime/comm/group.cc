#include "runtime/comm/group.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace perdure {
namespace {

absl::string_view OpName(int32_t op) {
  switch (static_cast<ReduceOp>(op)) {
    case ReduceOp::kSum:
      return "sum";
    case ReduceOp::kMax:
      return "max";
    case ReduceOp::kMin:
      return "min";
  }
  return "unknown operation";
}

std::string DescribeArguments(const CollectiveCall& call) {
  switch (call.kind) {
    case CollectiveKind::kNone:
      return "nothing";
    case CollectiveKind::kBarrier:
      return "Barrier()";
    case CollectiveKind::kAllReduce:
      return absl::StrCat("AllReduce(", OpName(call.op), ", ",
                          DTypeName(static_cast<DType>(call.dtype)), ", ",
                          call.bytes, " bytes)");
    case CollectiveKind::kAllGather:
      return absl::StrCat("AllGather(", call.bytes, " bytes)");
    case CollectiveKind::kBroadcast:
      return absl::StrCat("Broadcast(from ", call.root, ", ", call.bytes,
                          " bytes)");
  }
  return "unknown call";
}

}  // namespace

const char* CollectiveName(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::kNone:
      return "nothing";
    case CollectiveKind::kBarrier:
      return "Barrier";
    case CollectiveKind::kAllReduce:
      return "AllReduce";
    case CollectiveKind::kAllGather:
      return "AllGather";
    case CollectiveKind::kBroadcast:
      return "Broadcast";
  }
  return "unknown call";
}

std::string Describe(const CollectiveCall& call) {
  if (call.kind == CollectiveKind::kNone) return "nothing yet";
  return absl::StrCat(DescribeArguments(call), " #", call.sequence);
}

std::string RankName(const GroupInfo& group, int rank) {
  return absl::StrCat("rank ", rank, " (world rank ", group.world_ranks[rank],
                      ")");
}

bool SameCall(const CollectiveCall& a, const CollectiveCall& b) {
  return a.sequence == b.sequence && a.bytes == b.bytes && a.kind == b.kind &&
         a.root == b.root && a.dtype == b.dtype && a.op == b.op;
}

std::string CallName(const GroupInfo& group, const CollectiveCall& call) {
  return absl::StrCat(group.name, ": ", Describe(call));
}

absl::Status MissingRanksError(const GroupInfo& group,
                               const CollectiveCall& call,
                               const std::vector<int>& missing,
                               const std::vector<CollectiveCall>& last) {
  const auto describe = [&](std::string* out, int rank) {
    absl::StrAppend(out, RankName(group, rank));
    if (!last.empty()) {
      absl::StrAppend(out, ", last seen in ", Describe(last[rank]));
    }
  };
  return absl::DeadlineExceededError(absl::StrCat(
      CallName(group, call), ": waited ", absl::FormatDuration(group.timeout),
      " in vain for ",
      missing.empty() ? "an unknown rank"
                      : absl::StrJoin(missing, "; ", describe),
      ". See what these ranks did; if they are only slow, raise the time-out"));
}

absl::Status MismatchError(const GroupInfo& group, const CollectiveCall& mine,
                           int rank, const CollectiveCall& other) {
  return absl::InternalError(
      absl::StrCat(group.name, ": the ranks' calls do not match: ",
                   RankName(group, group.rank), " is in ", Describe(mine), ", ",
                   RankName(group, rank), " is in ", Describe(other)));
}

}  // namespace perdure
