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
#include "launcher/supervisor/event_log.h"
#include "launcher/supervisor/generation_run.h"
#include "launcher/supervisor/heartbeat_server.h"
#include "launcher/supervisor/incident_book.h"
#include "launcher/supervisor/launch_options.h"
#include "launcher/supervisor/node_table.h"
#include "launcher/supervisor/policy.h"
#include "launcher/supervisor/rank_table.h"
#include "launcher/supervisor/signal_source.h"
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
  std::optional<std::vector<HostSlots>> ChooseHosts();
  void ExcludeGuilty(const Verdict& verdict,
                     const std::vector<HostSlots>& hosts);
  // What a rule blames gets time: its host is left out, or, where it is no
  // host, the restart waits.
  void CoolDown(const Verdict& verdict, const DiagnosisRule& rule);
  void Exclude(const std::vector<std::string>& hosts);
  // Runs one generation to its end.
  absl::StatusOr<GenerationEnd> RunGeneration(
      const std::vector<HostSlots>& hosts);
  // Records the end of the launch; its exit code.
  int End(bool tell);
  absl::Status StartGeneration(const std::vector<HostSlots>& hosts,
                               GenerationRun* run);
  void Obey(GenerationRun* run);
  void Stop(GenerationRun* run);
  void NoteRecovery();
  void PublishStatus(double now);
  void Report(const GenerationEnd& end, const GenerationRun& run,
              const Diagnosis& diagnosis);
  void Say(const std::string& text);

  const LaunchOptions options_;
  const std::string directory_;  // RUN_DIR/launch
  Parts parts_;
  Policy policy_;
  NodeTable nodes_;
  Budgets budgets_;
  RankTable table_;
  const double began_;
  int64_t generation_ = 0;
  int64_t finished_ = 0;  // steps, in all generations
  double published_ = 0;
  // Of the recovery under way: when the fault was, was known, and when the next
  // generation started. 0: none.
  double fault_at_ = 0, known_at_ = 0, restarted_at_ = 0;
  double lost_seconds_ = 0;  // in all recoveries
  double wait_until_ = 0;    // before the next start
  bool stopping_ = false;
  bool signalled_ = false;  // the ranks know
  Decision decision_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_SUPERVISOR_H_
