#ifndef PERDURE_LAUNCHER_CONTROL_WATCHDOG_H_
#define PERDURE_LAUNCHER_CONTROL_WATCHDOG_H_

// A rank's side of being supervised: a thread that tells the supervisor what
// the rank is doing and ends the process when the supervisor no longer answers
// or another generation runs. Started before MPI, so that a start that hangs is
// seen too; never calls MPI.
//
// With one_per_node the ranks of a node tell the one of them that speaks for
// the node, which sends all of it to the supervisor in one datagram and hands
// the answers back. A rank that is not answered so for some beats speaks for
// itself.

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "launcher/control/heartbeats.h"
#include "launcher/control/launch_environment.h"
#include "launcher/control/node_beats.h"
#include "launcher/control/node_relay.h"
#include "launcher/control/udp_socket.h"
#include "runtime/base/status.h"
#include "runtime/progress/progress.h"

namespace perdure {

// How a process leaves when its lease has run out, and when another generation
// has taken over.
inline constexpr int kExitLeaseLost = 75;
inline constexpr int kExitOldGeneration = 76;

class Watchdog {
 public:
  // `board` outlives the watchdog.
  static absl::StatusOr<std::unique_ptr<Watchdog>> Start(
      const LaunchEnvironment& environment, int rank,
      const ProgressBoard* board);
  ~Watchdog();  // without a word, as a process that dies
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Tells the supervisor that this process is about to leave because of
  // `status`, until it answers, at most a second.
  void Finish(const absl::Status& status);

 private:
  Watchdog(const LaunchEnvironment& environment, UdpSocket socket, int rank,
           const ProgressBoard* board);
  void Run();
  void Beat();
  // For the node, or to the one that speaks for it.
  void BeatByNode(const Heartbeat& beat);
  void Send(const Heartbeat& beat);
  // Waits for either socket.
  void Wait(double seconds);
  void HearNode();
  // Waits for the answers until the next beat is due.
  void Listen(ProgressClock::time_point until);
  void Hear(absl::string_view datagram);
  void CheckLease();

  const LaunchEnvironment environment_;
  UdpSocket socket_;
  std::optional<NodeRelay> relay_;  // with one_per_node
  NodeBeats node_beats_;            // while it speaks
  Sender sender_;
  const ProgressBoard* board_;
  uint64_t number_ = 0;           // of the last beat
  uint64_t answered_number_ = 0;  // an answer not above it is a replay
  ProgressClock::time_point answered_;
  std::atomic<bool> stop_{false};
  absl::Status status_;             // written before the next, read after it
  std::atomic<int> exit_code_{-1};  // once it is known
  uint64_t last_number_ = 0;        // of the message that carried it
  bool done_ = false;               // it was answered
  std::thread thread_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_CONTROL_WATCHDOG_H_
