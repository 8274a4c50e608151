#ifndef PERDURE_LAUNCHER_SUPERVISOR_SUPERVISOR_H_
#define PERDURE_LAUNCHER_SUPERVISOR_SUPERVISOR_H_

// Keeps a training run going: starts generation after generation of its ranks
// until one ends in order or another start would not help.

#include <memory>
#include <optional>
#include <string>

#include "launcher/diagnosis/rule_book.h"
#include "launcher/supervisor/budgets.h"
#include "launcher/supervisor/control_server.h"
#include "launcher/supervisor/debris_sweep.h"
#include "launcher/supervisor/event_log.h"
#include "launcher/supervisor/generation_run.h"
#include "launcher/supervisor/heartbeat_server.h"
#include "launcher/supervisor/host_trial.h"
#include "launcher/supervisor/incident_book.h"
#include "launcher/supervisor/launch_options.h"
#include "launcher/supervisor/placer.h"
#include "launcher/supervisor/policy.h"
#include "launcher/supervisor/rank_table.h"
#include "launcher/supervisor/signal_source.h"
#include "launcher/supervisor/stragglers.h"
#include "launcher/supervisor/swap_policy.h"
#include "runtime/base/status.h"

namespace perdure {

class Supervisor {
 public:
  // Makes RUN_DIR/launch. Before any thread is started.
  static absl::StatusOr<std::unique_ptr<Supervisor>> Create(
      const LaunchOptions& options);

  // Until the end; the exit code of perdure-launch. An error: a generation
  // could not be started at all.
  absl::StatusOr<int> Run();

 private:
  struct Parts {
    SignalSource signals;
    JobKey key;
    HeartbeatServer heartbeats;
    EventLog events;
    std::unique_ptr<ControlServer> control;
    RuleBook rules;
    IncidentBook incidents;
  };
  Supervisor(const LaunchOptions& options, std::string directory, Parts parts);

  // Waits for enough trusted hosts; none: there were not enough in time.
  std::optional<Placement> WaitForHosts();
  bool NewcomersAnswer(const Placement& placement);
  void TakePlacement(const Placement& placement);
  // May find out more, and puts it into the verdict.
  void ExcludeGuilty(Verdict* verdict);
  // What a rule blames gets time: its host is left out, or, where it is no
  // host, the restart waits.
  void CoolDown(const Verdict& verdict, const DiagnosisRule& rule);
  // Verdicts name hosts as their ranks do.
  void LearnNames();
  void Exclude(const std::vector<std::string>& hosts);
  void Condemn(const std::vector<std::string>& hosts);
  // Seconds that an end in order and the next start cost, by this run's own.
  double MoveCost() const;
  bool PaysToMove(const Placement& bigger, double now);
  void TakeBackHosts(GenerationRun* run, double now);
  void SwapSlowHosts(GenerationRun* run, double now);
  void Swap(const SwapCase& swap, const std::string& why, double now);
  // The generation is to save and end, to go on elsewhere.
  void AskToMove(GenerationRun* run, double now);
  ProbeOptions Probing() const;
  // Runs one generation of placement_ to its end.
  absl::StatusOr<GenerationEnd> RunGeneration();
  // What has become of it, and what follows.
  GenerationEnd Judge(const GenerationRun& run, const LogRouter& logs,
                      int64_t finished_before);
  // Records the end of the launch; its exit code.
  int End(bool tell);
  absl::Status StartGeneration(GenerationRun* run);
  void Obey(GenerationRun* run);
  void Stop(GenerationRun* run);
  void NoteRecovery();
  void NoteStragglers();
  // Keeps, prints and logs an incident.
  void Tell(Incident incident);
  void RecordRecovery(const Recovery& recovery, bool planned);
  void PublishStatus(double now);
  void Report(const GenerationEnd& end, const GenerationRun& run,
              const Diagnosis& diagnosis);
  void Say(const std::string& text);

  const LaunchOptions options_;
  const std::string directory_;  // RUN_DIR/launch
  Parts parts_;
  Policy policy_;
  Placer placer_;
  DebrisSweep sweep_;
  Budgets budgets_;
  RankTable table_;
  Stragglers stragglers_;
  const double began_;
  int64_t generation_ = 0;
  int64_t finished_ = 0;  // steps, in all generations
  double published_ = 0;
  Placement placement_;  // of the running generation
  HostTrial trial_;      // of hosts to take back, or of spares
  double next_look_ = 0;
  bool planned_ = false;           // the generation was asked to end, to move
  std::optional<bool> told_pays_;  // what was last said of moving
  SwapDecision::Reason told_swap_ = SwapDecision::Reason::kNobodySlow;
  int swaps_ = 0;
  double swapped_at_ = 0;
  // Of the recovery under way: when the fault was, was known, when the last
  // process had ended, when the next generation started. 0: none.
  double fault_at_ = 0, known_at_ = 0, ended_at_ = 0, restarted_at_ = 0;
  double moved_at_ = 0;       // when a planned move began; 0: none
  double move_seconds_ = 0;   // that the last one took; 0: there was none
  double first_step_at_ = 0;  // of this generation; 0: not yet
  double lost_seconds_ = 0;   // in all recoveries
  double wait_until_ = 0;     // before the next start
  bool stopping_ = false;
  bool signalled_ = false;  // the ranks know
  Decision decision_;
};

// Between two looks whether the ranks had better move.
inline constexpr double kLookSeconds = 0.5;

// The ranks have installed their handlers: a signal no longer just ends them.
bool CanTakeSignals(const RankTable& table);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_SUPERVISOR_H_
