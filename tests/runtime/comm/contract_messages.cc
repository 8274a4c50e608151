#include <numeric>

#include "absl/strings/str_cat.h"
#include "tests/runtime/comm/contract.h"

namespace perdure {
namespace {

std::vector<int32_t> Pattern(int64_t n, int seed) {
  std::vector<int32_t> data(n);
  std::iota(data.begin(), data.end(), seed * 1000003);
  return data;
}

// Each rank sends to the next and receives from the one before.
absl::Status MessagesGoRoundTheRing(Communicator& world) {
  const int next = (world.rank() + 1) % world.size();
  const int previous = (world.rank() + world.size() - 1) % world.size();
  for (const int64_t n : {0, 1, 1000, 16384, 16385, 1000001}) {
    const std::vector<int32_t> out = Pattern(n, world.rank());
    std::vector<int32_t> in(n, -1);
    ASSIGN_OR_RETURN(auto receive,
                     world.Receive(in.data(), n * 4, previous, 7));
    ASSIGN_OR_RETURN(auto send, world.Send(out.data(), n * 4, next, 7));
    RETURN_IF_ERROR(receive->Wait());
    RETURN_IF_ERROR(send->Wait());
    RETURN_UNLESS(in == Pattern(n, previous), n);
  }
  return absl::OkStatus();
}

absl::Status TagsKeepMessagesApart(Communicator& world) {
  const int next = (world.rank() + 1) % world.size();
  const int previous = (world.rank() + world.size() - 1) % world.size();
  constexpr int kTags[] = {0, 1, 32767};
  std::vector<int> out = {10, 11, 12};
  std::vector<int> in(3, -1);
  std::vector<std::unique_ptr<CommRequest>> requests;
  for (int i = 0; i < 3; ++i) {
    ASSIGN_OR_RETURN(auto send, world.Send(&out[i], 4, next, kTags[i]));
    requests.push_back(std::move(send));
  }
  for (int i : {2, 0, 1}) {
    ASSIGN_OR_RETURN(auto receive,
                     world.Receive(&in[i], 4, previous, kTags[i]));
    requests.push_back(std::move(receive));
  }
  for (auto& request : requests) RETURN_IF_ERROR(request->Wait());
  RETURN_UNLESS(in == out, absl::StrCat(in[0], " ", in[1], " ", in[2]));
  return absl::OkStatus();
}

absl::Status EqualTagsMatchInOrder(Communicator& world) {
  const int next = (world.rank() + 1) % world.size();
  const int previous = (world.rank() + world.size() - 1) % world.size();
  constexpr int kMessages = 100;
  std::vector<int> out = Pattern(kMessages, 3);
  std::vector<int> in(kMessages, -1);
  std::vector<std::unique_ptr<CommRequest>> requests;
  for (int i = 0; i < kMessages; ++i) {
    ASSIGN_OR_RETURN(auto send, world.Send(&out[i], 4, next, 1));
    requests.push_back(std::move(send));
    ASSIGN_OR_RETURN(auto receive, world.Receive(&in[i], 4, previous, 1));
    requests.push_back(std::move(receive));
  }
  for (auto& request : requests) RETURN_IF_ERROR(request->Wait());
  RETURN_UNLESS(in == out, "");
  return absl::OkStatus();
}

// A large message stays under way while its ranks meet in collectives.
absl::Status CollectivesPassMessagesUnderWay(Communicator& world) {
  const int next = (world.rank() + 1) % world.size();
  const int previous = (world.rank() + world.size() - 1) % world.size();
  constexpr int64_t kCount = 2000003;
  const std::vector<int32_t> out = Pattern(kCount, world.rank());
  std::vector<int32_t> in(kCount, -1);
  ASSIGN_OR_RETURN(auto send, world.Send(out.data(), kCount * 4, next, 2));
  RETURN_IF_ERROR(world.Barrier());
  if (world.rank() % 2 == 0) {
    ASSIGN_OR_RETURN(auto receive,
                     world.Receive(in.data(), kCount * 4, previous, 2));
    RETURN_IF_ERROR(receive->Wait());
    RETURN_IF_ERROR(world.Barrier());
  } else {
    // Waits in a collective; its own send must go on meanwhile.
    RETURN_IF_ERROR(world.Barrier());
    ASSIGN_OR_RETURN(auto receive,
                     world.Receive(in.data(), kCount * 4, previous, 2));
    RETURN_IF_ERROR(receive->Wait());
  }
  RETURN_IF_ERROR(send->Wait());
  RETURN_UNLESS(in == Pattern(kCount, previous), "");
  return absl::OkStatus();
}

// Rank 0 takes what the others send in the order in which it comes, while each
// of them waits for its own answer.
absl::Status WhoeverComesFirstIsServed(Communicator& world) {
  const int others = world.size() - 1;
  if (world.rank() != 0) {
    const int question = 100 + world.rank();
    int answer = -1;
    ASSIGN_OR_RETURN(auto receive, world.Receive(&answer, 4, 0, 5));
    ASSIGN_OR_RETURN(const bool early, receive->Poll());
    RETURN_UNLESS(!early, "answered before it was asked");
    ASSIGN_OR_RETURN(auto send, world.Send(&question, 4, 0, 4));
    ASSIGN_OR_RETURN(const bool any,
                     world.WaitAny({receive.get()}, world.timeout()));
    RETURN_UNLESS(any, "no answer");
    ASSIGN_OR_RETURN(const bool done, receive->Poll());
    RETURN_UNLESS(done, "WaitAny has returned");
    RETURN_IF_ERROR(receive->Wait());
    RETURN_IF_ERROR(send->Wait());
    RETURN_UNLESS(answer == -question, answer);
    return absl::OkStatus();
  }
  std::vector<int> in(others, -1), out(others);
  std::vector<std::unique_ptr<CommRequest>> receives, sends;
  for (int r = 0; r < others; ++r) {
    ASSIGN_OR_RETURN(receives.emplace_back(),
                     world.Receive(&in[r], 4, r + 1, 4));
  }
  for (int served = 0; served < others;) {
    std::vector<CommRequest*> waiting;
    for (const auto& receive : receives) {
      if (receive != nullptr) waiting.push_back(receive.get());
    }
    ASSIGN_OR_RETURN(const bool any, world.WaitAny(waiting, world.timeout()));
    RETURN_UNLESS(any, "no question");
    for (int r = 0; r < others; ++r) {
      if (receives[r] == nullptr) continue;
      ASSIGN_OR_RETURN(const bool done, receives[r]->Poll());
      if (!done) continue;
      RETURN_IF_ERROR(receives[r]->Wait());
      receives[r] = nullptr;
      out[r] = -in[r];
      ASSIGN_OR_RETURN(sends.emplace_back(), world.Send(&out[r], 4, r + 1, 5));
      ++served;
    }
  }
  for (const auto& send : sends) RETURN_IF_ERROR(send->Wait());
  for (int r = 0; r < others; ++r) RETURN_UNLESS(in[r] == 101 + r, in[r]);
  return absl::OkStatus();
}

}  // namespace

const std::vector<ContractCase>& MessageCases() {
  static const auto& cases = *new std::vector<ContractCase>{
      {"MessagesGoRoundTheRing", MessagesGoRoundTheRing},
      {"TagsKeepMessagesApart", TagsKeepMessagesApart},
      {"EqualTagsMatchInOrder", EqualTagsMatchInOrder},
      {"CollectivesPassMessagesUnderWay", CollectivesPassMessagesUnderWay},
      {"WhoeverComesFirstIsServed", WhoeverComesFirstIsServed},
  };
  return cases;
}

}  // namespace perdure
