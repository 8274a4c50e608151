#ifndef PERDURE_LAUNCHER_TRAIN_TIER_SAVERS_H_
#define PERDURE_LAUNCHER_TRAIN_TIER_SAVERS_H_

// The snapshots that nodes keep for themselves while a run goes on: in memory,
// with the neighbour's part, and on their own disks.

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/snapshot/snapshot_saver.h"
#include "checkpoint/tiers/tier_offers.h"
#include "runtime/base/status.h"
#include "runtime/comm/communicator.h"
#include "runtime/config/train.pb.h"
#include "runtime/state/state_map.h"

namespace perdure {

// Where this node has the run's snapshots of the tiers that the config names; a
// tier that it does not write to any more may still have some.
std::vector<TierPlace> TierPlacesOf(const SnapshotConfig& config,
                                    const std::string& run_dir,
                                    const std::string& node);

class TierSavers {
 public:
  // `places`: see TierPlacesOf. `options`: as for the shared snapshots; what
  // differs is set here. `world` outlives it.
  TierSavers(Communicator* world, std::shared_ptr<Storage> storage,
             const SnapshotConfig& config, const std::vector<TierPlace>& places,
             const SnapshotSaverOptions& options);

  bool Due(int64_t step) const;
  // All below collective. An error: the ranks cannot go on together; what is
  // wrong with a save is in the lines.

  // Before the step is told as finished: a save under way ends if another is
  // due, so that no more than one is ever missing.
  absl::Status Prepare(int64_t step);
  // Begins those that are due.
  absl::Status Save(const RunState& run, const StateMap& map,
                    SnapshotSaver::Giver give);
  absl::Status Poll();
  absl::Status Finish();

  // For people, since the last call.
  struct Line {
    absl::Status status;  // of the save that it is about
    std::string text;
  };
  std::vector<Line> TakeLines();

 private:
  struct Tier {
    TierPlace place;
    int32_t every_steps = 0;
    std::unique_ptr<SnapshotSaver> saver;  // made at the first save
    bool told = false;                     // a save that went well
    bool failing = false;                  // as the last save did
  };
  bool IsDue(const Tier& tier, int64_t step) const {
    return step % tier.every_steps == 0;
  }
  absl::Status MakeSaver(Tier* tier);
  void TakeReports(Tier* tier);

  Communicator* world_;
  const std::shared_ptr<Storage> storage_;
  const SnapshotSaverOptions options_;
  std::vector<Tier> tiers_;
  std::vector<Line> lines_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_TIER_SAVERS_H_
