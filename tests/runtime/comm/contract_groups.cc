#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/runtime/comm/contract.h"

namespace perdure {
namespace {

absl::Status ColorsMakeGroups(Communicator& world) {
  const int color = world.rank() % 2;
  ASSIGN_OR_RETURN(auto group, world.Split(color, world.rank(),
                                           absl::StrCat("dp[", color, "]")));
  RETURN_UNLESS(group->name() == absl::StrCat("dp[", color, "]"),
                group->name());
  RETURN_UNLESS(group->size() == (world.size() + 1 - color) / 2, group->size());
  RETURN_UNLESS(group->rank() == world.rank() / 2, group->rank());
  ASSIGN_OR_RETURN(const double sum,
                   AllReduceScalar(*group, world.rank(), ReduceOp::kSum));
  double expected = 0;
  for (int r = color; r < world.size(); r += 2) expected += r;
  RETURN_UNLESS(sum == expected, sum);
  return world.Barrier();
}

absl::Status KeysOrderTheRanks(Communicator& world) {
  ASSIGN_OR_RETURN(auto reversed, world.Split(5, -world.rank(), "reversed"));
  RETURN_UNLESS(reversed->rank() == world.size() - 1 - world.rank(),
                reversed->rank());
  std::vector<int32_t> all(world.size());
  const int32_t mine = world.rank();
  RETURN_IF_ERROR(reversed->AllGather(&mine, 4, all.data()));
  for (int r = 0; r < world.size(); ++r) {
    RETURN_UNLESS(all[r] == world.size() - 1 - r, r);
  }
  // A group of a group, and equal keys: the parent's order.
  ASSIGN_OR_RETURN(auto again, reversed->Split(0, 0, "again"));
  RETURN_UNLESS(again->rank() == reversed->rank(), again->rank());
  return again->Barrier();
}

// Equal tags in two groups are two messages.
absl::Status GroupsDoNotShareMessages(Communicator& world) {
  ASSIGN_OR_RETURN(auto copy, world.Split(0, world.rank(), "copy"));
  const int next = (world.rank() + 1) % world.size();
  const int previous = (world.rank() + world.size() - 1) % world.size();
  const int first = 1;
  const int second = 2;
  int from_world = 0;
  int from_copy = 0;
  ASSIGN_OR_RETURN(auto send_world, world.Send(&first, 4, next, 9));
  ASSIGN_OR_RETURN(auto send_copy, copy->Send(&second, 4, next, 9));
  ASSIGN_OR_RETURN(auto receive_copy,
                   copy->Receive(&from_copy, 4, previous, 9));
  ASSIGN_OR_RETURN(auto receive_world,
                   world.Receive(&from_world, 4, previous, 9));
  for (auto* request :
       {&send_world, &send_copy, &receive_copy, &receive_world}) {
    RETURN_IF_ERROR((*request)->Wait());
  }
  RETURN_UNLESS(from_world == first && from_copy == second,
                absl::StrCat(from_world, " ", from_copy));
  return absl::OkStatus();
}

absl::Status ManyGroupsComeAndGo(Communicator& world) {
  for (int i = 0; i < 30; ++i) {
    ASSIGN_OR_RETURN(auto group,
                     world.Split(world.rank() % 2, 0, absl::StrCat("g", i)));
    ASSIGN_OR_RETURN(const double most,
                     AllReduceScalar(*group, i, ReduceOp::kMax));
    RETURN_UNLESS(most == i, most);
  }
  return absl::OkStatus();
}

absl::Status SegmentsAreSeenByAll(Communicator& world) {
  // The largest request counts.
  const uint64_t bytes = world.rank() == 0 ? 100000 : 8;
  ASSIGN_OR_RETURN(auto segments, world.AllocateShared(bytes));
  if (segments == nullptr) {  // the world spans nodes: then for all ranks
    ASSIGN_OR_RETURN(const double have,
                     AllReduceScalar(world, 0, ReduceOp::kMax));
    RETURN_UNLESS(have == 0 && world.size() > 1, have);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const double have,
                   AllReduceScalar(world, 1, ReduceOp::kMin));
  RETURN_UNLESS(have == 1, have);
  RETURN_UNLESS(segments->bytes() == 100000, segments->bytes());
  RETURN_UNLESS(segments->mine() == segments->segment(world.rank()), "");
  for (int r = 0; r < world.size(); ++r) {
    const auto* words = static_cast<const int32_t*>(segments->segment(r));
    RETURN_UNLESS(reinterpret_cast<uintptr_t>(words) % 4096 == 0, r);
    RETURN_UNLESS(std::all_of(words, words + 25000,
                              [](int32_t word) { return word == 0; }),
                  r);
  }
  RETURN_IF_ERROR(world.Barrier());
  auto* mine = static_cast<int32_t*>(segments->mine());
  for (int i = 0; i < 25000; ++i) mine[i] = world.rank() * 100000 + i;
  RETURN_IF_ERROR(world.Barrier());
  for (int r = 0; r < world.size(); ++r) {
    const auto* words = static_cast<const int32_t*>(segments->segment(r));
    for (int i = 0; i < 25000; ++i) {
      RETURN_UNLESS(words[i] == r * 100000 + i, i);
    }
  }
  return world.Barrier();
}

}  // namespace

const std::vector<ContractCase>& GroupCases() {
  static const auto& cases = *new std::vector<ContractCase>{
      {"ColorsMakeGroups", ColorsMakeGroups},
      {"KeysOrderTheRanks", KeysOrderTheRanks},
      {"GroupsDoNotShareMessages", GroupsDoNotShareMessages},
      {"ManyGroupsComeAndGo", ManyGroupsComeAndGo},
      {"SegmentsAreSeenByAll", SegmentsAreSeenByAll},
  };
  return cases;
}

}  // namespace perdure
