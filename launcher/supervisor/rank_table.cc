#include "launcher/supervisor/rank_table.h"

#include <algorithm>
#include <cmath>

namespace perdure {
namespace {

// Of a rank of this job, as MakeHeartbeat makes them.
bool MakesSense(const Heartbeat& beat, size_t ranks) {
  const auto seconds = [](double x) { return std::isfinite(x) && x >= 0; };
  return beat.rank() >= 0 && static_cast<size_t>(beat.rank()) < ranks &&
         beat.number() > 0 &&
         beat.phase() <= static_cast<uint32_t>(Phase::kFinish) &&
         seconds(beat.phase_age()) && seconds(beat.step_age()) &&
         seconds(beat.collective_age()) && seconds(beat.longest_step()) &&
         seconds(beat.load_age()) && seconds(beat.first_step_age()) &&
         seconds(beat.slow_seconds()) &&
         // A run that goes back makes more steps than it has finished.
         beat.step() >= 0 && beat.steps_made() >= 0;
}

}  // namespace

void RankTable::Begin(int64_t generation, int ranks, double now) {
  generation_ = generation;
  began_ = now;
  ranks_.assign(static_cast<size_t>(ranks), RankStatus());
}

bool RankTable::Update(const Heartbeat& beat, double now) {
  if (beat.generation() != generation_) {
    ++dropped_.old;
    return false;
  }
  if (!MakesSense(beat, ranks_.size())) {
    ++dropped_.malformed;
    return false;
  }
  RankStatus& rank = ranks_[static_cast<size_t>(beat.rank())];
  if (rank.heard && beat.number() <= rank.last.number()) {
    ++dropped_.replayed;
    return false;
  }
  rank.heard = true;
  rank.heard_at = now;
  rank.last = beat;
  rank.phase_since = now - beat.phase_age();
  rank.step_since = beat.has_step_age() ? now - beat.step_age() : 0;
  rank.collective_since =
      beat.has_collective_age() ? now - beat.collective_age() : 0;
  return true;
}

void RankTable::Forgive(double now) {
  for (RankStatus& rank : ranks_) {
    if (!rank.heard) continue;
    const double away = now - rank.heard_at;
    rank.heard_at = now;
    for (double* since :
         {&rank.phase_since, &rank.step_since, &rank.collective_since}) {
      if (*since > 0) *since += away;
    }
  }
}

bool RankTable::AllHeard() const {
  return std::all_of(ranks_.begin(), ranks_.end(),
                     [](const RankStatus& rank) { return rank.heard; });
}

bool RankTable::AllFinished() const {
  return std::all_of(ranks_.begin(), ranks_.end(),
                     [](const RankStatus& rank) { return rank.finished(); });
}

int64_t RankTable::LeastStep() const {
  int64_t least = ranks_.empty() ? 0 : ranks_[0].last.step();
  for (const RankStatus& rank : ranks_) {
    least = std::min(least, rank.last.step());
  }
  return least;
}

int64_t RankTable::MostStep() const {
  int64_t most = 0;
  for (const RankStatus& rank : ranks_) most = std::max(most, rank.last.step());
  return most;
}

}  // namespace perdure
