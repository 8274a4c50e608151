// What thousands of ranks cost the supervisor: its own loop (heartbeats in,
// answers out, detectors every 20 ms), fed over the loopback interface by a
// process that stands for all nodes.
//   bench_heartbeats [--ranks 16384] [--per_node 8] [--beat 0.1] [--seconds 10]

#include <gflags/gflags.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "launcher/control/node_beats.h"
#include "launcher/supervisor/detector.h"
#include "launcher/supervisor/heartbeat_server.h"
#include "launcher/supervisor/rank_table.h"

DEFINE_int32(ranks, 16384, "ranks");
DEFINE_int32(per_node, 8, "ranks of a node");
DEFINE_double(beat, 0.1, "seconds between two heartbeats of a rank");
DEFINE_double(seconds, 10, "to measure");

namespace perdure {
namespace {

using Clock = std::chrono::steady_clock;

double Now() {
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

double CpuSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

Heartbeat BeatOf(int rank, uint64_t number) {
  Heartbeat beat;
  beat.set_generation(1);
  beat.set_rank(rank);
  beat.set_number(number);
  beat.set_pid(10000 + rank);
  beat.set_host("node" + std::to_string(rank / FLAGS_per_node));
  beat.set_phase(static_cast<uint32_t>(Phase::kTrain));
  beat.set_phase_age(100);
  beat.set_step(static_cast<int64_t>(number));
  beat.set_total_steps(1000000);
  beat.set_step_age(0.05);
  beat.set_loss(2.5);
  beat.set_finite(true);
  beat.set_steps_made(static_cast<int64_t>(number));
  beat.set_longest_step(10);
  beat.set_in_collective(true);
  beat.set_collective_age(0.01);
  beat.set_collectives(100 * number);
  beat.set_sequence(100 * number);
  beat.set_group("dp[117]");
  beat.set_operation("AllReduce");
  beat.set_waited(10);
  beat.set_resident_bytes(1ull << 36);
  return beat;
}

// Sends the beats of all nodes, spread over the time of one, until it is ended.
// Each node is a socket of its own in a pool, as many as descriptors allow.
[[noreturn]] void SendForAll(const std::string& address, const JobKey& key,
                             bool gathered) {
  constexpr size_t kSockets = 256;
  std::vector<UdpSocket> sockets;
  sockets.reserve(kSockets);
  for (size_t i = 0; i < kSockets; ++i) {
    sockets.push_back(UdpSocket::Connect(address).value());
  }
  const int nodes = FLAGS_ranks / FLAGS_per_node;
  for (uint64_t round = 1;; ++round) {
    const double began = Now();
    for (int node = 0; node < nodes; ++node) {
      const double due = began + FLAGS_beat * node / nodes;
      while (Now() < due) std::this_thread::yield();
      UdpSocket& socket = sockets[static_cast<size_t>(node) % kSockets];
      while (socket.Receive().has_value()) {
      }
      const int first = node * FLAGS_per_node;
      NodeBeats beats;
      for (int r = first + 1; r < first + FLAGS_per_node; ++r) {
        if (gathered) {
          beats.Take(BeatOf(r, 8 * round), {});
        } else {
          socket.Send(Seal(key, BeatOf(r, 8 * round).SerializeAsString()));
        }
      }
      uint64_t number = 8 * round;
      do {
        Heartbeat own = BeatOf(first, number++);
        beats.Load(&own);
        socket.Send(Seal(key, own.SerializeAsString()));
      } while (beats.waiting());
    }
    while (Now() < began + FLAGS_beat) std::this_thread::yield();
  }
}

struct Measured {
  double seconds = 0, cpu = 0, watching = 0;
  int64_t heard = 0, all = 0, verdicts = 0;
};

Measured Serve(HeartbeatServer* server, RankTable* table) {
  const Budgets budgets({});
  table->Begin(1, FLAGS_ranks, Now());
  Measured measured;
  double began = 0, cpu = 0, watched = 0;
  const auto total = [&] {
    int64_t sum = 0;
    for (const RankStatus& rank : table->ranks()) {
      sum += static_cast<int64_t>(rank.last.number() / 8);
    }
    return sum;
  };
  int64_t first = 0;
  while (began == 0 || Now() - began < FLAGS_seconds) {
    pollfd ready = {server->fd(), POLLIN, 0};
    poll(&ready, 1, 20);
    const double now = Now();
    server->Drain(now, table);
    if (began == 0 && table->AllHeard()) {
      began = now, cpu = CpuSeconds(), first = total();
    }
    if (now - watched >= 0.02) {
      const double before = CpuSeconds();
      if (began > 0)
        measured.verdicts += Detect(*table, budgets, now).has_value();
      if (began > 0) measured.watching += CpuSeconds() - before;
      watched = now;
    }
  }
  measured.seconds = Now() - began;
  measured.cpu = CpuSeconds() - cpu;
  measured.heard = total() - first;
  measured.all =
      static_cast<int64_t>(measured.seconds / FLAGS_beat) * FLAGS_ranks;
  return measured;
}

void Measure(bool gathered) {
  const JobKey key = JobKey::Random().value();
  HeartbeatServer server = HeartbeatServer::Listen("127.0.0.1", key).value();
  RankTable table;
  const pid_t sender = fork();
  if (sender == 0) SendForAll(server.address(), key, gathered);
  const Measured m = Serve(&server, &table);
  kill(sender, SIGKILL);
  waitpid(sender, nullptr, 0);
  const double beats = static_cast<double>(m.heard);
  const double wanted = FLAGS_ranks / FLAGS_beat;
  const double detect = m.watching / m.seconds;
  std::printf(
      "%-9s %8.0f datagrams/s wanted, %8.0f beats/s heard (%5.1f %%), %6.2f us "
      "a beat, detectors %4.1f %%, CPU %5.1f %%, at full rate %5.1f %%, %ld "
      "verdicts\n",
      gathered ? "gathered" : "each",
      gathered ? wanted / FLAGS_per_node : wanted, beats / m.seconds,
      100 * beats / static_cast<double>(m.all),
      1e6 * (m.cpu - m.watching) / beats, 100 * detect, 100 * m.cpu / m.seconds,
      100 * (detect + wanted * (m.cpu - m.watching) / beats),
      static_cast<long>(m.verdicts));
  std::fflush(stdout);
}

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  std::printf("%d ranks, %d of a node, a beat every %g s\n", FLAGS_ranks,
              FLAGS_per_node, FLAGS_beat);
  std::fflush(stdout);
  perdure::Measure(/*gathered=*/false);
  perdure::Measure(/*gathered=*/true);
  return 0;
}
