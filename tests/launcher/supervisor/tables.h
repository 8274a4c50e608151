#ifndef PERDURE_TESTS_LAUNCHER_SUPERVISOR_TABLES_H_
#define PERDURE_TESTS_LAUNCHER_SUPERVISOR_TABLES_H_

// Ranks in a situation.

#include <string>

#include "launcher/supervisor/rank_table.h"

namespace perdure {

// Rank `rank` of generation 1 in training, outside of collectives, a moment
// after its step 10.
inline Heartbeat BeatOf(int rank, const std::string& host) {
  Heartbeat beat;
  beat.set_generation(1);
  beat.set_rank(rank);
  beat.set_host(host);
  beat.set_phase(static_cast<uint32_t>(Phase::kTrain));
  beat.set_phase_age(10);
  beat.set_step(10);
  beat.set_step_age(0.01);
  beat.set_steps_made(10);
  beat.set_longest_step(0.1);
  beat.set_collective_age(0.01);
  beat.set_collectives(100);
  return beat;
}

inline void Wait(const std::string& group, uint64_t sequence, double age,
                 Heartbeat* beat) {
  beat->set_in_collective(true);
  beat->set_group(group);
  beat->set_operation("AllReduce");
  beat->set_sequence(sequence);
  beat->set_collective_age(age);
}

// Hears `beat` at `now`, under the next number.
inline void Hear(Heartbeat beat, double now, RankTable* table) {
  const RankStatus& rank = table->ranks()[static_cast<size_t>(beat.rank())];
  beat.set_number(rank.last.number() + 1);
  table->Update(beat, now);
}

}  // namespace perdure

#endif  // PERDURE_TESTS_LAUNCHER_SUPERVISOR_TABLES_H_
