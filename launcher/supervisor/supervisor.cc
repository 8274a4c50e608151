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
#include "launcher/control/launch_environment.h"
#include "launcher/supervisor/debris.h"
#include "launcher/supervisor/diagnose_end.h"
#include "launcher/supervisor/finished_steps.h"
#include "launcher/supervisor/mpirun_line.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr double kTurnSeconds = 0.02;
constexpr double kPublishSeconds = 0.2;
constexpr double kSweepSeconds = 3;

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
  told_swap_ = SwapDecision::Reason::kNobodySlow;
  RETURN_IF_ERROR(run->Start(line, variables));
  restarted_at_ = MonotonicSeconds();
  parts_.events.Add("generation", {{"generation", generation_},
                                   {"ranks", placement_.ranks},
                                   {"hosts", HostsText(placement_)},
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
    SwapSlowHosts(&run, now);
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

}  // namespace perdure
