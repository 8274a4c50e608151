#ifndef PERDURE_CHECKPOINT_SNAPSHOT_PREPARED_SAVE_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_PREPARED_SAVE_H_

// A plan with all that can be made of it once and for all.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "checkpoint/snapshot/plan.h"
#include "checkpoint/snapshot/snapshot_files.h"
#include "checkpoint/snapshot/write_list.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"
#include "runtime/config/model.pb.h"
#include "runtime/state/state_map.h"

namespace perdure {

struct PreparedSave {
  uint64_t hash = 0;
  std::shared_ptr<const SnapshotPlan> plan;
  std::shared_ptr<const WriteList> list;  // this rank's
  // Rank 0's. Where nodes have directories of their own, every rank's, without
  // the views.
  std::shared_ptr<const SnapshotStructure> structure;
  uint64_t bytes = 0;  // of all tensors
};

struct PrepareOptions {
  ModelConfig model;
  std::vector<size_t> node_of_rank;  // empty: one file for all nodes
  bool own_directories = false;      // of the nodes
  bool packed = true;                // see MakeWriteList
};

// Collective; once a run, because it asks rank 0 where its HDF5 library puts
// things. Internal if the ranks' maps differ.
absl::StatusOr<std::shared_ptr<const PreparedSave>> PrepareSave(
    Communicator& comm, const StateMap& map, const PrepareOptions& options);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_PREPARED_SAVE_H_
