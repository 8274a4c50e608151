#ifndef PERDURE_LAUNCHER_CONTROL_NODE_BEATS_H_
#define PERDURE_LAUNCHER_CONTROL_NODE_BEATS_H_

// The heartbeats of a node's other ranks, on their way with those of the rank
// that speaks for the node, and the answers on their way back.

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "launcher/control/control.pb.h"
#include "launcher/control/node_relay.h"

namespace perdure {

class NodeBeats {
 public:
  // The newest one of a rank counts; `from` gets its answer.
  void Take(Heartbeat beat, const NodeRelay::Address& from);
  // Moves as many of the waiting ones into `beat`, the speaker's own, as a
  // datagram holds. Call again with the speaker's next while any wait.
  void Load(Heartbeat* beat);
  bool waiting() const { return !waiting_.empty(); }

  // The answers to what went with the speaker's beat `number`, each once.
  struct Answer {
    HeartbeatReply reply;
    NodeRelay::Address to;
  };
  std::vector<Answer> Answers(const HeartbeatReply& reply);

 private:
  struct Passenger {
    uint64_t number;
    NodeRelay::Address from;
  };
  struct Trip {
    uint64_t number;  // of the speaker's beat
    std::vector<Passenger> passengers;
  };
  struct Waiting {
    Heartbeat beat;
    NodeRelay::Address from;
  };
  std::map<int, Waiting> waiting_;  // by rank
  std::deque<Trip> trips_;          // not answered yet, oldest first
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_CONTROL_NODE_BEATS_H_
