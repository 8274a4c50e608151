#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_FILES_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_FILES_H_

// The files of a snapshot but for the small ones that go along: what is in them
// besides tensors.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/format/hdf5_skeleton.h"
#include "checkpoint/snapshot/plan.h"
#include "checkpoint/snapshot/structure_writer.h"
#include "runtime/base/status.h"

namespace perdure {

// All bytes that are no tensor's and do not change from save to save. Making
// them takes the HDF5 library, writing them does not.
struct SnapshotStructure {
  std::vector<Hdf5Skeleton> nodes;  // where each node has a file
  // optimizer.h5, empty where nothing but weights is saved; and model.h5, which
  // shows the weights to HDF5. Where each node has a file both only show.
  Hdf5Skeleton optimizer;
  Hdf5Skeleton view;
};

// Makes them, and fills in the offsets of the plan that HDF5 decides on.
// `views`: what only shows as well.
absl::StatusOr<SnapshotStructure> MakeStructure(SnapshotPlan* plan,
                                                bool views = true);

// The offsets of the plan that HDF5 decides on, in a fixed order.
std::vector<uint64_t> DecidedOffsets(const SnapshotPlan& plan);
// Fills them in; false if they are not as many as the plan has.
bool SetDecidedOffsets(const std::vector<uint64_t>& offsets,
                       SnapshotPlan* plan);

// A file as it is planned. Refers to the plan and the structure.
struct PlannedFile {
  FileLayout layout;
  // Made at its full size before ranks write into it; else written whole.
  bool of_ranks = false;
  const std::string* header = nullptr;  // one of these has what is not taken
  const SparseImage* image = nullptr;

  void ReadStructure(uint64_t offset, char* data, size_t size) const;
};

// Those that ranks write into come first, by their number. `plan` has all
// offsets.
std::vector<PlannedFile> FilesOf(const SnapshotPlan& plan,
                                 const SnapshotStructure& structure);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SNAPSHOT_FILES_H_
