#include "launcher/supervisor/supervisor.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "launcher/control/launch_environment.h"
#include "launcher/supervisor/debris.h"
#include "launcher/supervisor/detector.h"
#include "launcher/supervisor/diagnose_end.h"
#include "launcher/supervisor/finished_steps.h"
#include "launcher/supervisor/mpirun_line.h"
#include "launcher/supervisor/probe_hosts.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr double kTurnSeconds = 0.02;
constexpr double kPublishSeconds = 0.2;
constexpr double kSweepSeconds = 3;
// In a status; of thousands of ranks nobody reads every line.
constexpr int kRanksListed = 512;

std::string UtcText() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(),
                          absl::UTCTimeZone());
}

}  // namespace

bool CanTakeSignals(const RankTable& table) {
  return table.AllHeard() &&
         std::all_of(table.ranks().begin(), table.ranks().end(),
                     [](const RankStatus& rank) {
                       return rank.phase() != Phase::kStart;
                     });
}

absl::StatusOr<std::unique_ptr<Supervisor>> Supervisor::Create(
    const LaunchOptions& options) {
  RETURN_IF_ERROR(CheckLaunchOptions(options));
  const std::string directory = JoinPath(options.run_dir, "launch");
  RETURN_IF_ERROR(CreateDirectories(directory));
  ASSIGN_OR_RETURN(SignalSource signals, SignalSource::Block());
  ASSIGN_OR_RETURN(JobKey key, JobKey::Random());
  ASSIGN_OR_RETURN(HeartbeatServer heartbeats,
                   HeartbeatServer::Listen(options.listen, key));
  ASSIGN_OR_RETURN(EventLog events, EventLog::Open(directory));
  ASSIGN_OR_RETURN(std::unique_ptr<ControlServer> control,
                   ControlServer::Start(directory));
  ASSIGN_OR_RETURN(RuleBook rules, RuleBook::Load(options.rules));
  ASSIGN_OR_RETURN(IncidentBook incidents, IncidentBook::Open(directory));
  AdoptOrphans();
  return std::unique_ptr<Supervisor>(new Supervisor(
      options, directory,
      Parts{std::move(signals), std::move(key), std::move(heartbeats),
            std::move(events), std::move(control), std::move(rules),
            std::move(incidents)}));
}

Supervisor::Supervisor(const LaunchOptions& options, std::string directory,
                       Parts parts)
    : options_(options),
      directory_(std::move(directory)),
      parts_(std::move(parts)),
      policy_(options.policy),
      placer_(options),
      sweep_(options.access, options.program),
      budgets_(options.budgets),
      began_(MonotonicSeconds()) {}

void Supervisor::Say(const std::string& text) {
  std::fflush(stdout);
  std::fprintf(stderr, "perdure-launch: %s\n", text.c_str());
}

absl::StatusOr<int> Supervisor::Run() {
  parts_.events.Add("launch", {{"ranks", options_.ranks}});
  while (true) {
    const std::optional<Placement> placement = WaitForHosts();
    if (!placement.has_value()) {
      decision_ = {
          false, stopping_ ? 143 : kExitTooFewHosts,
          absl::StrCat(
              "too few hosts for ",
              options_.min_ranks > 0 ? options_.min_ranks : options_.ranks,
              " ranks: ", placer_.nodes().Describe(MonotonicSeconds()))};
      return End(/*tell=*/true);
    }
    TakePlacement(*placement);
    ASSIGN_OR_RETURN(const GenerationEnd end, RunGeneration());
    if (decision_.restart) continue;
    return End(/*tell=*/end.verdict.has_value());
  }
}

int Supervisor::End(bool tell) {
  const double now = MonotonicSeconds();
  NodeTable& nodes = placer_.nodes();
  if (const auto trusted = nodes.Choose(nodes.TrustedSlots(now), now)) {
    sweep_.Begin(*trusted);
  }
  parts_.events.Add("end", {{"exit_code", decision_.exit_code},
                            {"why", decision_.why},
                            {"steps", finished_}});
  if (tell) Say(absl::StrCat("stops: ", decision_.why));
  sweep_.Finish(kSweepSeconds);
  return decision_.exit_code;
}

absl::Status Supervisor::StartGeneration(GenerationRun* run) {
  const LaunchEnvironment environment{parts_.heartbeats.address(),
                                      parts_.key,
                                      generation_,
                                      options_.beat_seconds,
                                      options_.lease_seconds,
                                      placement_.ranks > options_.gather_above};
  MpirunOptions mpirun;
  mpirun.ranks = placement_.ranks;
  mpirun.hosts = placement_.hosts;
  mpirun.access = options_.access;
  mpirun.network = options_.network;
  mpirun.as_root = geteuid() == 0;
  mpirun.cores = static_cast<int>(std::thread::hardware_concurrency());
  const auto variables = LaunchVariables(environment);
  mpirun.exported = options_.exported;
  for (const auto& [name, value] : variables) mpirun.exported.push_back(name);
  const std::vector<std::string> line = MpirunLine(
      mpirun, TrainerCommand(options_, placement_.layout, generation_ > 1));
  table_.Begin(generation_, placement_.ranks, MonotonicSeconds());
  stragglers_.Forget();
  signalled_ = planned_ = false;
  first_step_at_ = 0;
  told_pays_.reset();
  RETURN_IF_ERROR(run->Start(line, variables));
  restarted_at_ = MonotonicSeconds();
  parts_.events.Add("generation", {{"generation", generation_},
                                   {"ranks", placement_.ranks},
                                   {"mpirun_pid", int64_t{run->pid()}}});
  return absl::OkStatus();
}

absl::StatusOr<GenerationEnd> Supervisor::RunGeneration() {
  ++generation_;
  const std::string log_directory =
      JoinPath(directory_, absl::StrFormat("gen-%05d", generation_));
  RETURN_IF_ERROR(CreateDirectories(log_directory));
  LogRouter logs(log_directory, [this](const TaggedLine& line) {
    const bool shown =
        line.rank == 0 || (line.rank > 0 && line.error &&
                           absl::StartsWith(line.text, "perdure:"));
    if (!shown || options_.quiet) return;
    std::FILE* out = line.error ? stderr : stdout;
    std::fprintf(out, "%.*s\n", static_cast<int>(line.text.size()),
                 line.text.data());
    std::fflush(out);
  });
  std::vector<std::string> names;
  for (const HostSlots& host : placement_.hosts) names.push_back(host.host);
  GenerationRun run(&parts_.heartbeats, &table_, &budgets_, &logs,
                    std::move(names));
  const int64_t finished_before = finished_;
  RETURN_IF_ERROR(StartGeneration(&run));
  while (run.Turn(kTurnSeconds)) {
    Obey(&run);
    const double now = MonotonicSeconds();
    NoteRecovery();
    NoteStragglers();
    TakeBackHosts(&run, now);
    if (now - published_ >= kPublishSeconds) {
      sweep_.Turn();
      PublishStatus(now);
    }
  }
  ended_at_ = MonotonicSeconds();
  trial_.Cancel();
  if (const std::optional<uint32_t> family = JobFamilyOf(run.pid())) {
    RemoveDebris(*family);
    sweep_.Note(placement_.hosts, *family);
  }
  return Judge(run, logs, finished_before);
}

GenerationEnd Supervisor::Judge(const GenerationRun& run, const LogRouter& logs,
                                int64_t finished_before) {
  ExitCause cause = run.Cause();
  if (cause.verdict.has_value()) ExcludeGuilty(&*cause.verdict);
  GenerationEnd end;
  end.generation = generation_;
  end.exit_code = cause.exit_code;
  end.rank_exit_code = cause.rank_exit_code;
  end.planned = planned_;
  end.first_step = finished_before;
  const int64_t reached =
      std::max(FinishedSteps(options_.run_dir), table_.LeastStep());
  finished_ = std::max(finished_, reached);
  end.last_step = finished_;
  end.verdict = cause.verdict;
  if (end.verdict.has_value()) end.verdict->step = reached + 1;
  end.signal = cause.signal;
  Diagnosis diagnosis;
  if (end.verdict.has_value()) {
    diagnosis = DiagnoseEnd(parts_.rules, end, table_, logs);
    end.retry = diagnosis.rule.retry();
    end.cause = diagnosis.rule.cause();
  }
  decision_ = policy_.Decide(end);
  if (stopping_ && decision_.restart) {
    decision_ = {false, 143, "asked to stop: not started again"};
  }
  if (end.verdict.has_value()) Report(end, run, diagnosis);
  if (decision_.cooldown) CoolDown(*end.verdict, diagnosis.rule);
  return end;
}

void Supervisor::Stop(GenerationRun* run) {
  if (stopping_ && signalled_) {
    Say("asked twice to stop: the ranks are ended without saving");
    run->Kill();
    return;
  }
  if (!stopping_) Say("asked to stop: the ranks save and end");
  stopping_ = true;
}

void Supervisor::Obey(GenerationRun* run) {
  while (parts_.signals.Take().has_value()) Stop(run);
  if (const auto command = parts_.control->TakeCommand()) {
    if (*command == CommandRequest::STOP) Stop(run);
    if (*command == CommandRequest::CHECKPOINT && CanTakeSignals(table_)) {
      run->Signal(SIGUSR2);
    }
  }
  // mpirun hands SIGUSR1 on at once; after SIGTERM it kills within a second.
  if (stopping_ && !signalled_ && CanTakeSignals(table_)) {
    run->Signal(SIGUSR1);
    signalled_ = true;
  }
}

// The first new step after a failure or a planned end, and what it cost.
void Supervisor::NoteRecovery() {
  const RankStatus& first = table_.ranks()[0];
  if (first.last.steps_made() == 0) return;
  if (first_step_at_ == 0) {
    first_step_at_ = first.heard_at - first.last.first_step_age();
    sweep_.Begin(placement_.hosts);  // nothing urgent is left to do
  }
  if (planned_) return;  // it has not ended yet
  const bool planned = moved_at_ > 0;
  if (planned) fault_at_ = known_at_ = moved_at_;
  if (fault_at_ == 0 || table_.LeastStep() <= finished_) return;
  const int64_t resumed = first.last.step() - first.last.steps_made();
  const double step_at =
      resumed >= finished_ ? first_step_at_ : first.step_since;
  const double up_at = first.heard_at - first.last.load_age();
  Recovery recovery;
  recovery.step = finished_ + 1;
  recovery.steps_lost = std::max<int64_t>(0, finished_ - resumed);
  recovery.seconds = step_at - fault_at_;
  recovery.detect_seconds = known_at_ - fault_at_;
  recovery.kill_seconds = ended_at_ - known_at_;
  recovery.probe_seconds = restarted_at_ - ended_at_;
  recovery.start_seconds = up_at - restarted_at_;
  recovery.load_seconds = first.phase_since - up_at;
  recovery.step_seconds = step_at - first.phase_since;
  lost_seconds_ += recovery.seconds;
  recovery.effective_ratio =
      std::max(0.0, 1 - lost_seconds_ / (MonotonicSeconds() - began_));
  if (!planned) parts_.incidents.Recovered(recovery);
  RecordRecovery(recovery, planned);
  fault_at_ = moved_at_ = 0;
}

void Supervisor::RecordRecovery(const Recovery& recovery, bool planned) {
  parts_.events.Add(planned ? "moved" : "recovered",
                    {{"generation", generation_},
                     {"ranks", placement_.ranks},
                     {"step", recovery.step},
                     {"steps_lost", recovery.steps_lost},
                     {"seconds", recovery.seconds},
                     {"detect_seconds", recovery.detect_seconds},
                     {"kill_seconds", recovery.kill_seconds},
                     {"probe_seconds", recovery.probe_seconds},
                     {"start_seconds", recovery.start_seconds},
                     {"load_seconds", recovery.load_seconds},
                     {"step_seconds", recovery.step_seconds},
                     {"effective", recovery.effective_ratio}});
  Say(
      absl::StrFormat("training goes on: step %d, %.1f s after %s, %d steps "
                      "lost",
                      recovery.step, recovery.seconds,
                      planned ? "the ranks were asked to end" : "the fault",
                      recovery.steps_lost));
}

void Supervisor::PublishStatus(double now) {
  published_ = now;
  LaunchStatus status;
  status.set_generation(generation_);
  status.set_ranks(placement_.ranks);
  status.set_wanted_ranks(options_.ranks);
  status.set_step(std::max(finished_, table_.LeastStep()));
  status.set_restarts(policy_.restarts());
  status.set_incidents(parts_.incidents.count());
  status.set_uptime(now - began_);
  if (parts_.incidents.last().has_value()) {
    status.set_last_incident(IncidentText(*parts_.incidents.last()));
  }
  status.set_dropped_datagrams(table_.dropped().total());
  status.set_state(stopping_                ? "stopping"
                   : CanTakeSignals(table_) ? "running"
                                            : "starting");
  if (table_.ranks()[0].heard) {
    status.set_total_steps(table_.ranks()[0].last.total_steps());
    status.set_loss(table_.ranks()[0].last.loss());
  }
  const int listed = std::min(placement_.ranks, kRanksListed);
  status.set_ranks_left_out(placement_.ranks - listed);
  for (int r = 0; r < listed; ++r) {
    LaunchRank* rank = status.add_rank();
    rank->set_rank(r);
    rank->set_doing(DescribeRank(table_, r, now));
  }
  parts_.control->Publish(std::move(status));
}

void Supervisor::Tell(Incident incident) {
  const Incident& told = parts_.incidents.Add(std::move(incident));
  const std::string text = IncidentText(told);
  std::fputs(text.c_str(), stderr);
  const Verdict& verdict = told.verdict;
  const DiagnosisRule& rule = told.diagnosis.rule;
  parts_.events.Add("incident",
                    {{"number", told.number},
                     {"generation", told.generation},
                     {"fault", FaultName(verdict.fault)},
                     {"rule", rule.name()},
                     {"cause", rule.cause()},
                     {"remedy", rule.remedy()},
                     {"evidence", told.diagnosis.evidence},
                     {"rank", verdict.ranks.empty() ? -1 : verdict.ranks[0]},
                     {"host", verdict.hosts.empty() ? "" : verdict.hosts[0]},
                     {"step", verdict.step},
                     {"signal", told.signal},
                     {"exit_code", told.exit_code},
                     {"detect_seconds", told.detected_after},
                     {"what", verdict.what},
                     {"restart", told.decision.restart ? 1 : 0},
                     {"why", told.decision.why},
                     {"text", text}});
}

// A slow rank ends nothing: the trainer gives it less to do or does not wait.
void Supervisor::NoteStragglers() {
  std::optional<Verdict> verdict = stragglers_.Detect(table_);
  if (!verdict.has_value()) return;
  for (const int rank : verdict->ranks) {
    const Heartbeat& beat = table_.ranks()[static_cast<size_t>(rank)].last;
    parts_.events.Add("straggler", {{"generation", generation_},
                                    {"rank", rank},
                                    {"host", beat.host()},
                                    {"step", beat.step()},
                                    {"speed", beat.speed()}});
  }
  Facts facts;
  facts.fault = FaultName(verdict->fault);
  Incident incident;
  incident.generation = generation_;
  incident.time = UtcText();
  incident.diagnosis = Diagnoser(&parts_.rules).Conclude(facts);
  incident.decision.why = "training goes on: a slow rank is no reason to stop";
  incident.finished_step = table_.LeastStep();
  incident.ranks = MomentsOf(table_, *verdict, MonotonicSeconds());
  incident.verdict = *std::move(verdict);
  Tell(std::move(incident));
}

void Supervisor::Report(const GenerationEnd& end, const GenerationRun& run,
                        const Diagnosis& diagnosis) {
  const Verdict& verdict = *end.verdict;
  Incident incident;
  incident.generation = end.generation;
  incident.time = UtcText();
  incident.verdict = verdict;
  incident.diagnosis = diagnosis;
  incident.exit_code = end.exit_code;
  incident.signal = end.signal;
  incident.detected_after = std::max(0.0, run.known_at() - run.last_sign());
  incident.decision = decision_;
  incident.finished_step = end.last_step;
  incident.ranks = MomentsOf(table_, verdict, run.known_at());
  Tell(std::move(incident));
  moved_at_ = 0;
  if (fault_at_ == 0) fault_at_ = run.last_sign();
  known_at_ = run.known_at();
}

}  // namespace perdure
