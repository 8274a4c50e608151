#include "launcher/control/node_beats.h"

#include <utility>

#include "launcher/control/datagram.h"

namespace perdure {
namespace {

// The seal and the framing of one more field.
constexpr size_t kOverhead = 64;
// Beats that were never answered are forgotten: the next one is answered too.
constexpr size_t kMostTrips = 64;

}  // namespace

void NodeBeats::Take(Heartbeat beat, const NodeRelay::Address& from) {
  // What all of a node's have in common is said once.
  beat.clear_generation();
  beat.clear_host();
  beat.clear_of_node();
  const int rank = beat.rank();
  waiting_[rank] = {std::move(beat), from};
}

void NodeBeats::Load(Heartbeat* beat) {
  Trip trip{beat->number(), {}};
  size_t size = beat->ByteSizeLong() + kOverhead;
  while (!waiting_.empty()) {
    const auto next = waiting_.begin();
    size += next->second.beat.ByteSizeLong() + 4;
    if (size > kLargestDatagram && !trip.passengers.empty()) break;
    trip.passengers.push_back({next->second.beat.number(), next->second.from});
    *beat->add_of_node() = std::move(next->second.beat);
    waiting_.erase(next);
  }
  if (trip.passengers.empty()) return;
  trips_.push_back(std::move(trip));
  if (trips_.size() > kMostTrips) trips_.pop_front();
}

std::vector<NodeBeats::Answer> NodeBeats::Answers(const HeartbeatReply& reply) {
  std::vector<Answer> answers;
  while (!trips_.empty() && trips_.front().number <= reply.number()) {
    if (trips_.front().number == reply.number()) {
      for (const Passenger& passenger : trips_.front().passengers) {
        HeartbeatReply own;
        own.set_generation(reply.generation());
        own.set_number(passenger.number);
        answers.push_back({std::move(own), passenger.from});
      }
    }
    trips_.pop_front();
  }
  return answers;
}

}  // namespace perdure
