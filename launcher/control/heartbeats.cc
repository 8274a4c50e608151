#include "launcher/control/heartbeats.h"

#include <unistd.h>

#include <cstdio>

namespace perdure {
namespace {

double Age(ProgressClock::time_point now, ProgressClock::time_point since) {
  return std::chrono::duration<double>(now - since).count();
}

}  // namespace

Heartbeat MakeHeartbeat(const Sender& sender, uint64_t number,
                        const RankProgress& progress,
                        ProgressClock::time_point now) {
  Heartbeat beat;
  beat.set_generation(sender.generation);
  beat.set_rank(sender.rank);
  beat.set_number(number);
  beat.set_pid(sender.pid);
  beat.set_host(sender.host);
  beat.set_phase(static_cast<uint32_t>(progress.phase));
  beat.set_phase_age(Age(now, progress.phase_since));
  if (progress.load_since != ProgressClock::time_point()) {
    beat.set_load_age(Age(now, progress.load_since));
  }
  beat.set_step(progress.step);
  beat.set_total_steps(progress.total_steps);
  if (progress.step_since != ProgressClock::time_point()) {
    beat.set_step_age(Age(now, progress.step_since));
    beat.set_first_step_age(Age(now, progress.first_step_since));
    beat.set_loss(progress.loss);
    beat.set_finite(progress.finite);
  }
  beat.set_steps_made(progress.steps_made);
  beat.set_longest_step(
      std::chrono::duration<double>(progress.longest_step).count());
  beat.set_in_collective(progress.in_collective);
  if (progress.collectives > 0) {
    beat.set_collective_age(Age(now, progress.collective_since));
    beat.set_collectives(progress.collectives);
    beat.set_sequence(progress.sequence);
    beat.set_group(progress.group.data());
    beat.set_operation(progress.operation.data());
  }
  beat.set_waited(std::chrono::duration<double>(progress.waited).count());
  if (progress.steps_made > 0) {
    beat.set_compute_seconds(progress.compute_seconds);
  }
  if (progress.speed.speed > 0) {
    beat.set_speed(progress.speed.speed);
    beat.set_straggler(progress.speed.straggler);
    beat.set_slow_windows(progress.speed.windows);
    beat.set_slow_seconds(progress.speed.slow_seconds);
  }
  beat.set_resident_bytes(ResidentBytes());
  return beat;
}

uint64_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long long total = 0, resident = 0;
  const int read = std::fscanf(file, "%llu %llu", &total, &resident);
  std::fclose(file);
  if (read != 2) return 0;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace perdure
