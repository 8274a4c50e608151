// The contract on MPI ranks: mpirun -n N mpi_contract_program [ranks per node
// [longest MPI message]]. Ends with 0 only if every case holds on every rank.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/comm/backends.h"
#include "runtime/comm/mpi_options.h"
#include "tests/runtime/comm/contract.h"

namespace perdure {
namespace {

// Whether AllocateShared gives memory exactly when all ranks are on one node.
absl::Status SharesMemoryOnOneNodeOnly(Communicator& world, int per_node) {
  ASSIGN_OR_RETURN(const auto segments, world.AllocateShared(64));
  const bool one_node = per_node == 0 || per_node >= world.size();
  RETURN_UNLESS((segments != nullptr) == one_node, per_node);
  const int node = per_node == 0 ? 0 : world.rank() / per_node;
  ASSIGN_OR_RETURN(const auto neighbours,
                   world.Split(node, world.rank(), "node"));
  ASSIGN_OR_RETURN(const auto shared, neighbours->AllocateShared(64));
  RETURN_UNLESS(shared != nullptr, neighbours->size());
  return world.Barrier();
}

absl::Status RunCases(Communicator& world, int per_node) {
  for (const auto* cases :
       {&CollectiveCases(), &MessageCases(), &GroupCases()}) {
    for (const ContractCase& test : *cases) {
      RETURN_IF_ERROR(Annotate(test.run(world), test.name));
    }
  }
  return SharesMemoryOnOneNodeOnly(world, per_node);
}

int Main(int argc, char** argv) {
  alarm(240);  // a hang ends the rank, and mpirun the rest
  MpiOptions options;
  if (argc > 1) options.ranks_per_node = std::atoi(argv[1]);
  if (argc > 2) options.message_bytes = std::atoi(argv[2]);
  auto session = StartMpiSession(options);
  if (!session.ok()) {
    std::fprintf(stderr, "%s\n", session.status().ToString().c_str());
    return 1;
  }
  absl::Status status;
  {
    const auto world = (*session)->World(absl::Seconds(60));
    if (world->size() != LaunchedWorldSize([](const char* name) {
          return static_cast<const char*>(std::getenv(name));
        })) {
      status = absl::InternalError("LaunchedWorldSize is not the world's size");
    } else {
      status = RunCases(*world, options.ranks_per_node);
    }
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

int main(int argc, char** argv) { return perdure::Main(argc, argv); }
