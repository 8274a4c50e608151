// What MPI ranks are told when one of them does not play along:
// mpirun -n 3 mpi_failure_program MODE RANKS_PER_NODE. Ends with 0 if every
// rank saw what MODE expects (mode "killed", "abort0": never).

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/comm/backends.h"
#include "runtime/comm/mpi_options.h"

namespace perdure {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(2);

absl::Status Expect(const absl::Status& status, absl::StatusCode code,
                    const std::vector<std::string>& parts) {
  bool good = status.code() == code;
  for (const std::string& part : parts) {
    good = good && absl::StrContains(status.message(), part);
  }
  if (good) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("unexpected outcome: ", status.ToString()));
}

// The last rank never comes.
absl::Status Missing(Communicator& world) {
  RETURN_IF_ERROR(world.Barrier());
  const int last = world.size() - 1;
  if (world.rank() == last) {
    absl::SleepFor(2 * kTimeout);
    return absl::OkStatus();
  }
  std::vector<double> data(100000);
  const absl::Time start = absl::Now();
  const absl::Status status =
      world.AllReduce(data.data(), data.size(), DType::kF64, ReduceOp::kSum);
  RETURN_IF_ERROR(
      Expect(status, absl::StatusCode::kDeadlineExceeded,
             {"world: AllReduce(sum, F64, 800000 bytes) #2",
              absl::StrCat("rank ", last, " (world rank ", last, ")")}));
  if (absl::Now() - start < kTimeout / 2) {
    return absl::InternalError("gave up too early");
  }
  return Expect(world.Barrier(), absl::StatusCode::kDeadlineExceeded, {"#2"});
}

absl::Status MissingMessage(Communicator& world) {
  if (world.rank() != 0) {
    absl::SleepFor(2 * kTimeout);
    return absl::OkStatus();
  }
  std::vector<char> data(100);
  ASSIGN_OR_RETURN(auto request, world.Receive(data.data(), 100, 1, 4));
  return Expect(request->Wait(), absl::StatusCode::kDeadlineExceeded,
                {"world: Receive of 100 bytes from rank 1", "tag 4"});
}

absl::Status Mismatch(Communicator& world) {
  std::vector<float> data(1000);
  const absl::Status status =
      world.rank() == 1
          ? world.Broadcast(data.data(), 4000, 0)
          : world.AllReduce(data.data(), 1000, DType::kF32, ReduceOp::kMax);
  return Expect(status, absl::StatusCode::kInternal,
                {"Broadcast(from 0, 4000 bytes) #1",
                 "AllReduce(max, F32, 4000 bytes) #1"});
}

absl::Status WrongSize(Communicator& world) {
  char data[16] = {};
  if (world.rank() == 0) {
    ASSIGN_OR_RETURN(auto shorter, world.Send(data, 4, 1, 0));
    return shorter->Wait();
  }
  if (world.rank() != 1) return absl::OkStatus();
  ASSIGN_OR_RETURN(auto request, world.Receive(data, 8, 0, 0));
  return Expect(request->Wait(), absl::StatusCode::kInternal,
                {"4 bytes", "expects 8"});
}

absl::Status Killed(Communicator& world) {
  RETURN_IF_ERROR(world.Barrier());
  if (world.rank() == world.size() - 1) raise(SIGKILL);
  const absl::Status status = world.Barrier();
  // mpirun ends this rank in here; the time-out is the second line.
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return absl::OkStatus();
}

int Main(const std::string& mode, int per_node) {
  alarm(60);
  MpiOptions options;
  options.ranks_per_node = per_node;
  auto session = StartMpiSession(options);
  if (!session.ok()) return 1;
  if (mode == "abort0") (*session)->Abort(0);
  absl::Status status = absl::InvalidArgumentError("unknown mode " + mode);
  {
    const auto world =
        (*session)->World(mode == "killed" ? absl::Seconds(50) : kTimeout);
    if (mode == "missing") status = Missing(*world);
    if (mode == "missing_message") status = MissingMessage(*world);
    if (mode == "mismatch") status = Mismatch(*world);
    if (mode == "wrong_size") status = WrongSize(*world);
    if (mode == "killed") status = Killed(*world);
  }
  if (!status.ok()) {
    std::fprintf(stderr, "rank %d: %s\n", (*session)->rank(),
                 status.ToString().c_str());
    (*session)->Abort(1);
  }
  (*session)->Finish();
  return 0;
}

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return perdure::Main(argv[1], std::atoi(argv[2]));
}
