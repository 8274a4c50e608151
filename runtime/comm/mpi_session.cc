#include <malloc.h>
#include <mpi.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/comm/backends.h"
#include "runtime/comm/mpi_communicator.h"
#include "runtime/comm/mpi_options.h"

namespace perdure {
namespace {

// Whether the kernel lets processes copy from each other. Containers may forbid
// the system call, also to a process that asks about itself.
bool CanReadOtherProcesses() {
  char from = 1;
  char to = 0;
  const iovec local = {&to, 1};
  const iovec remote = {&from, 1};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
}

// OpenMPI reads these in MPI_Init; what the user has set stays.
void SetTunables() {
  // 4 KiB by default, which sends 4 to 64 KiB messages through a rendezvous
  // with a system call: measured 4 to 7 times slower.
  for (const char* limit :
       {"eager_limit", "max_send_size", "rndv_eager_limit"}) {
    setenv(absl::StrCat("OMPI_MCA_btl_vader_", limit).c_str(), "65536", 0);
  }
  if (!CanReadOtherProcesses()) {
    setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
  }
  // Otherwise every large temporary is mapped and faulted in anew.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2147483647);
}

// Fills in who shares a node with whom.
absl::Status FindNodes(const MpiOptions& options, MpiJob* job) {
  MPI_Comm node = MPI_COMM_NULL;
  RETURN_IF_ERROR(
      MpiStatus(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0,
                                    MPI_INFO_NULL, &node),
                "finding the ranks of this node"));
  // A node goes by the lowest of its world ranks.
  int first = job->rank;
  int local_ranks = 0;
  MPI_Comm_size(node, &local_ranks);
  RETURN_IF_ERROR(
      MpiStatus(MPI_Bcast(&first, 1, MPI_INT, 0, node), "naming this node"));
  MPI_Comm_free(&node);
  job->node_of.resize(job->size);
  RETURN_IF_ERROR(
      MpiStatus(MPI_Allgather(&first, 1, MPI_INT, job->node_of.data(), 1,
                              MPI_INT, MPI_COMM_WORLD),
                "listing the nodes"));
  if (options.ranks_per_node > 0) {
    for (int r = 0; r < job->size; ++r) {
      job->node_of[r] = r / options.ranks_per_node;
    }
  }
  job->crowded = local_ranks > AvailableCores();
  return absl::OkStatus();
}

absl::Status CheckTags() {
  void* largest = nullptr;
  int found = 0;
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &largest, &found);
  if (found != 0 && *static_cast<int*>(largest) >= 1 << 16) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(
      "this MPI has too few message tags (fewer than 65536): use OpenMPI");
}

class MpiSessionImpl : public MpiSession {
 public:
  explicit MpiSessionImpl(std::shared_ptr<MpiJob> job) : job_(std::move(job)) {}

  std::unique_ptr<Communicator> World(absl::Duration timeout,
                                      ProgressBoard* progress) override {
    GroupInfo info;
    info.name = "world";
    info.rank = job_->rank;
    info.timeout = timeout;
    info.progress = progress;
    for (int r = 0; r < job_->size; ++r) info.world_ranks.push_back(r);
    // A communicator of its own: two worlds do not share messages.
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    return std::make_unique<MpiCommunicator>(info, job_, comm);
  }

  int rank() const override { return job_->rank; }
  int size() const override { return job_->size; }

  std::string host() const override {
    char name[MPI_MAX_PROCESSOR_NAME] = {};
    int length = 0;
    MPI_Get_processor_name(name, &length);
    return std::string(name, length);
  }

  std::string version() const override {
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
    int length = 0;
    MPI_Get_library_version(text, &length);
    const std::string version(text, length);
    return version.substr(0, version.find_first_of(",\n"));
  }

  void Finish() override {
    if (job_->finished) return;
    MPI_Comm_free(&job_->quiet);
    job_->finished = true;
    MPI_Finalize();
  }

  [[noreturn]] void Abort(int exit_code) override {
    // mpirun takes MPI_Abort with 0 for a success.
    const int code = exit_code == 0 ? 1 : exit_code;
    std::fflush(nullptr);
    if (!job_->finished) MPI_Abort(MPI_COMM_WORLD, code);
    std::_Exit(code);
  }

 private:
  std::shared_ptr<MpiJob> job_;  // with every communicator
};

}  // namespace

absl::StatusOr<std::unique_ptr<MpiSession>> StartMpiSession(
    const MpiOptions& options) {
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (initialized != 0) return absl::InternalError("MPI was started before");
  SetTunables();
  int provided = 0;
  RETURN_IF_ERROR(MpiStatus(
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided),
      "starting MPI"));
  if (provided < MPI_THREAD_FUNNELED) {
    return absl::UnavailableError(
        "this MPI does not allow other threads besides its own "
        "(MPI_THREAD_FUNNELED): use another build of it");
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  RETURN_IF_ERROR(CheckTags());
  auto job = std::make_shared<MpiJob>();
  MPI_Comm_rank(MPI_COMM_WORLD, &job->rank);
  MPI_Comm_size(MPI_COMM_WORLD, &job->size);
  job->message_bytes = options.message_bytes;
  RETURN_IF_ERROR(FindNodes(options, job.get()));
  RETURN_IF_ERROR(
      MpiStatus(MPI_Comm_dup(MPI_COMM_SELF, &job->quiet), "starting MPI"));
  return std::make_unique<MpiSessionImpl>(std::move(job));
}

absl::StatusOr<std::unique_ptr<MpiSession>> MpiSession::Start() {
  return StartMpiSession(MpiOptions());
}

}  // namespace perdure
