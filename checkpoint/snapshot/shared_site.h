#ifndef PERDURE_CHECKPOINT_SNAPSHOT_SHARED_SITE_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_SHARED_SITE_H_

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/background_task.h"
#include "checkpoint/snapshot/save_site.h"
#include "checkpoint/snapshot/staged_snapshot.h"
#include "runtime/comm/communicator.h"

namespace perdure {

struct SharedSiteOptions {
  SnapshotWriteOptions snapshot;
  SnapshotPaths paths;  // of a single snapshot; empty: from the run directory
  std::string config_json;  // "" to make it from the model
  bool in_order = false;
};

// A directory that all ranks see: rank 0 makes it and gives it its name.
class SharedSite : public SaveSite {
 public:
  // `comm` outlives it.
  SharedSite(Communicator* comm, std::shared_ptr<Storage> storage,
             SharedSiteOptions options)
      : comm_(*comm),
        storage_(std::move(storage)),
        options_(std::move(options)) {}
  ~SharedSite() override;

  absl::Status Stage(std::shared_ptr<const PreparedSave> prepared,
                     const RunState& run) override;
  void Drop() override { staged_.reset(); }
  std::string Directory() const override;
  absl::Status Begin(const absl::Status& written,
                     std::vector<WrittenSums> sums) override;
  bool Wait(absl::Duration duration) const override;
  absl::StatusOr<bool> Next(CommitResult* result) override;
  void Abandon() override;

 private:
  SnapshotPaths Paths() const;

  Communicator& comm_;
  const std::shared_ptr<Storage> storage_;
  const SharedSiteOptions options_;
  std::shared_ptr<const PreparedSave> prepared_;
  RunState run_;
  std::shared_ptr<StagedSnapshot> staged_;  // rank 0
  // Rank 0: commits or discards.
  std::unique_ptr<BackgroundTask<CommitResult>> task_;
  bool abandoned_ = false;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_SHARED_SITE_H_
