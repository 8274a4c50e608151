// Supervisor: what it tells of the run: status, incidents, recoveries.

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "launcher/supervisor/detector.h"
#include "launcher/supervisor/diagnose_end.h"
#include "launcher/supervisor/supervisor.h"

namespace perdure {
namespace {

// In a status; of thousands of ranks nobody reads every line.
constexpr int kRanksListed = 512;

std::string UtcText() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(),
                          absl::UTCTimeZone());
}

}  // namespace

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
  // By now the rank may be in a later phase, that of a save.
  const double loaded_at = std::min(first.phase_since, step_at);
  Recovery recovery;
  recovery.step = finished_ + 1;
  recovery.steps_lost = std::max<int64_t>(0, finished_ - resumed);
  recovery.seconds = step_at - fault_at_;
  recovery.detect_seconds = known_at_ - fault_at_;
  recovery.kill_seconds = ended_at_ - known_at_;
  recovery.probe_seconds = restarted_at_ - ended_at_;
  recovery.start_seconds = up_at - restarted_at_;
  recovery.load_seconds = loaded_at - up_at;
  recovery.step_seconds = step_at - loaded_at;
  lost_seconds_ += recovery.seconds;
  recovery.effective_ratio =
      std::max(0.0, 1 - lost_seconds_ / (MonotonicSeconds() - began_));
  if (planned) {
    move_seconds_ = recovery.seconds;
  } else {
    parts_.incidents.Recovered(recovery);
  }
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
  std::optional<Verdict> verdict =
      stragglers_.Detect(table_, MonotonicSeconds());
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
