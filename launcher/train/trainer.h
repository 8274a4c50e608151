#ifndef PERDURE_LAUNCHER_TRAIN_TRAINER_H_
#define PERDURE_LAUNCHER_TRAIN_TRAINER_H_

// One rank of a training run: everything it holds, made in order by Start, and
// the loop over steps.

#include <memory>
#include <optional>
#include <string>

#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/snapshot/snapshot.h"
#include "checkpoint/snapshot/snapshot_saver.h"
#include "launcher/train/run_journal.h"
#include "launcher/train/skips.h"
#include "launcher/train/tier_savers.h"
#include "launcher/train/train_run.h"
#include "parallel/engine/train_engine.h"
#include "parallel/group/process_groups.h"
#include "runtime/base/blame.h"
#include "runtime/data/dataset.h"
#include "runtime/metrics/metrics_log.h"
#include "runtime/metrics/progress.h"
#include "runtime/metrics/trace.h"

namespace perdure {

class SpeedWatch;

class Trainer {
 public:
  Trainer(Communicator* world, const TrainerFlags& flags,
          const TrainEnvironment& environment);

  // All collective, in this order.
  absl::Status Start(const RunConfig& config);
  absl::Status Loop();

 private:
  absl::Status PrepareConfig(const RunConfig& config);
  absl::Status FindResumePoint();
  // What was to be gone on from has turned out to be damaged.
  void DropResumePoint();
  // Of what nodes keep for themselves.
  absl::Status FindNodeSnapshots();
  absl::Status RemoveNodeSnapshots(
      const std::function<bool(SnapshotTier)>& which);
  absl::Status OpenData();
  absl::Status MakeEngineWithState();
  absl::StatusOr<LoadReport> ReadSnapshot();
  absl::Status LoadState();
  absl::Status MakeAdapters();
  absl::Status ReplayJournal();
  absl::Status BeginGeneration();
  absl::Status OpenReports();
  // An error about wrong results: tries to say more exactly who is to blame,
  // and has the journal remember what is not to be trusted. Any error comes
  // back.
  absl::Status NoteWrongResult(const absl::Status& error);
  absl::Status Settle(const absl::Status& error, const Blame& blame);
  absl::Status AfterStep(const StepRecord& record);
  absl::Status EvaluateAndReport(int* signal);
  bool EvaluationDue() const;
  absl::Status CatchUp();
  absl::Status RunSteps();
  // False: the run has gone back.
  absl::StatusOr<bool> MakeStep(SpeedWatch* speed, int* signal);
  ResumeSearch Search() const;
  void MakeChecks();
  bool HasSpiked() const;
  // Of the last step; `usual`: the median before it.
  std::string DescribeSpike(double loss, double usual) const;
  absl::Status RollBack(const std::string& spike);
  absl::Status ReturnTo(int64_t step, const std::string& why);
  // Moves the data cursor past what is left out.
  void LeaveOut();
  absl::Status SaveIfDue(int* signal);
  SnapshotSaverOptions SaverOptions() const;
  absl::Status MakeSaver();
  // What is due of the nodes' own snapshots: begun, and, before the next step
  // is told, ended.
  absl::Status SaveInTiers();
  absl::Status PrepareTiers();
  absl::Status FinishTiers();
  // The run has ended in order: nobody will go on from memory.
  absl::Status EndTiers();
  absl::Status TellTiers();
  // Begins to save the state.
  absl::Status Save();
  // Returns when the state is safe.
  absl::Status SaveAndWait();
  absl::Status FinishSaving();
  // Between steps: what has become of the save under way.
  absl::Status PollSaving();
  absl::Status TellSaved();
  // The snapshot that the run started from has not crashed it.
  void TrustSnapshot();
  void NoteTraffic(const StepRecord& record);
  absl::Status FinishTrace();
  void Note(const std::string& text);
  ProgressBoard* board() const { return environment_.session.progress; }
  bool reports() const { return world_->rank() == 0; }

  Communicator* world_;
  const TrainerFlags& flags_;
  const TrainEnvironment& environment_;
  FaultInjector faults_;
  std::shared_ptr<FaultyStorage> faulty_;  // with faults
  std::shared_ptr<Storage> storage_;       // that, or the disk as it is
  RunConfig config_;                       // resolved
  std::unique_ptr<Device> device_;
  Trace trace_;
  ProcessGroups groups_;
  std::unique_ptr<ModelSource> initial_;  // model.init_from
  RunJournal journal_;
  std::vector<TierPlace> places_;       // where nodes have snapshots
  std::optional<NodeSnapshots> nodes_;  // --resume: what they have there
  int64_t below_step_ = INT64_MAX;      // shared ones from here on are damaged
  ResumePoint resume_;                  // --resume
  Snapshot* snapshot_ = nullptr;        // of resume_
  uint64_t initial_digest_ = 0;  // of the run's initial weights; 0: unknown
  std::string weights_from_;
  std::unique_ptr<Dataset> train_, val_;
  std::unique_ptr<TrainEngine> engine_;
  std::unique_ptr<StepChecks> checks_;
  Skips skips_;
  RunState run_;
  int64_t saved_step_ = -1;   // the newest that is safe
  int64_t saving_step_ = -1;  // the one on its way to the disk; -1: none
  absl::Status save_status_;  // of the last save that ended
  std::optional<EvaluationRecord> evaluation_;  // the last one
  int64_t last_step_ = INT64_MAX;  // of the state that was gone back to
  bool snapshot_trusted_ = false;  // a step was finished since the start
  bool traffic_noted_ = false;
  std::string tokenizer_dir_;
  std::unique_ptr<MetricsLog> metrics_;  // on the rank that reports
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<SnapshotSaver> saver_;  // made at the first save
  std::unique_ptr<TierSavers> tiers_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_TRAINER_H_
