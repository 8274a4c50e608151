// Perdure's AllReduce beside MPI_Allreduce, in one run, alternating:
//   mpirun -n N bench_allreduce [ranks per node]
// (1 rank per node: the path between nodes, on one machine). Prints, per size,
// the best time a call of each, of the slowest rank, and MPI's time over ours.
// The best, because other work on the machine only ever adds time.

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "runtime/comm/backends.h"
#include "runtime/comm/mpi_options.h"

namespace perdure {
namespace {

constexpr int64_t kSmallest = 1 << 10;
constexpr int64_t kLargest = 64 << 20;
constexpr int kRounds = 40;

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Seconds per call, of the slowest rank, over a batch of `calls`.
template <typename Call>
double TimeBatch(int calls, const Call& call) {
  MPI_Barrier(MPI_COMM_WORLD);
  const double start = Now();
  for (int i = 0; i < calls; ++i) call();
  double seconds = (Now() - start) / calls;
  MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return seconds;
}

absl::Status MeasureSize(Communicator& world, int64_t bytes) {
  const int64_t n = bytes / 4;
  // Zeros stay zeros, however often they are summed in place.
  std::vector<float> data(n);
  const int calls =
      static_cast<int>(std::clamp<int64_t>((int64_t{2} << 20) / bytes, 1, 100));
  absl::Status status;
  const auto ours = [&] {
    const absl::Status result =
        world.AllReduce(data.data(), n, DType::kF32, ReduceOp::kSum);
    if (!result.ok()) status = result;
  };
  const auto theirs = [&] {
    MPI_Allreduce(MPI_IN_PLACE, data.data(), static_cast<int>(n), MPI_FLOAT,
                  MPI_SUM, MPI_COMM_WORLD);
  };
  double our_best = std::numeric_limits<double>::infinity();
  double their_best = our_best;
  TimeBatch(calls, ours);  // first touches
  TimeBatch(calls, theirs);
  for (int round = 0; round < kRounds; ++round) {
    our_best = std::min(our_best, TimeBatch(calls, ours));
    their_best = std::min(their_best, TimeBatch(calls, theirs));
  }
  if (world.rank() == 0) {
    std::printf("%10lld %12.2f %12.2f %8.2f %10.2f\n",
                static_cast<long long>(bytes), our_best * 1e6, their_best * 1e6,
                their_best / our_best, bytes / our_best / 1e9);
    std::fflush(stdout);
  }
  return status;
}

int Main(int argc, char** argv) {
  MpiOptions options;
  if (argc > 1) options.ranks_per_node = std::atoi(argv[1]);
  auto session = StartMpiSession(options);
  if (!session.ok()) {
    std::fprintf(stderr, "%s\n", session.status().ToString().c_str());
    return 1;
  }
  {
    const auto world = (*session)->World(absl::Seconds(120));
    if (world->rank() == 0) {
      std::printf("%s, %d ranks on %s, fp32 sum in place, best of %d batches\n",
                  (*session)->version().c_str(), world->size(),
                  (*session)->host().c_str(), kRounds);
      std::printf("%10s %12s %12s %8s %10s\n", "bytes", "perdure us", "MPI us",
                  "MPI/ours", "ours GB/s");
    }
    for (int64_t bytes = kSmallest; bytes <= kLargest; bytes *= 4) {
      if (absl::Status status = MeasureSize(*world, bytes); !status.ok()) {
        std::fprintf(stderr, "%s\n", status.ToString().c_str());
        (*session)->Abort(1);
      }
    }
  }
  (*session)->Finish();
  return 0;
}

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) { return perdure::Main(argc, argv); }
