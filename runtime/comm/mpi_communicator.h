#ifndef PERDURE_RUNTIME_COMM_MPI_COMMUNICATOR_H_
#define PERDURE_RUNTIME_COMM_MPI_COMMUNICATOR_H_

// A group of MPI ranks. On one node its collectives run through shared memory,
// otherwise by messages.

#include <memory>
#include <optional>
#include <vector>

#include "runtime/comm/group_communicator.h"
#include "runtime/comm/memory_map.h"
#include "runtime/comm/mpi_collectives.h"
#include "runtime/comm/shared_collectives.h"

namespace perdure {

class MpiCommunicator : public GroupCommunicator {
 public:
  // comm: owned from here on, with MPI_ERRORS_RETURN.
  MpiCommunicator(const GroupInfo& info, std::shared_ptr<MpiJob> job,
                  MPI_Comm comm);

  absl::StatusOr<std::unique_ptr<CommRequest>> Send(const void* data,
                                                    uint64_t bytes, int to,
                                                    int tag) override;
  absl::StatusOr<std::unique_ptr<CommRequest>> Receive(void* data,
                                                       uint64_t bytes, int from,
                                                       int tag) override;
  absl::StatusOr<std::unique_ptr<Communicator>> Split(
      int color, int key, absl::string_view name) override;
  absl::StatusOr<std::unique_ptr<SharedSegments>> AllocateShared(
      uint64_t bytes) override;

 protected:
  absl::StatusOr<Collectives*> Means(const CollectiveCall& call) override;
  void OnFailure(const absl::Status& status) override;
  WaitPolicy MessagePolicy() const override {
    return {handle_.job().crowded, nullptr};
  }

 private:
  bool OnOneNode() const;
  // Sets up collectives in shared memory if the ranks can share any.
  absl::Status ShareAreas(const CollectiveCall& call);

  MpiHandle handle_;
  MpiCollectives messages_;
  // With shared memory; the maps outlive the collectives.
  std::vector<MemoryMap> maps_;
  std::vector<SharedArea*> areas_;
  std::optional<SharedCollectives> shared_;
  Collectives* means_ = nullptr;  // null until the first collective
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_COMM_MPI_COMMUNICATOR_H_
