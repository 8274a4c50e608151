#include "launcher/supervisor/heartbeat_intake.h"

#include <utility>

namespace perdure {

std::optional<std::string> TakeDatagram(const JobKey& key,
                                        absl::string_view datagram, double now,
                                        RankTable* table) {
  const auto payload = Unseal(key, datagram);
  if (!payload.has_value()) {
    table->CountForeign();
    return std::nullopt;
  }
  Heartbeat beat;
  if (!beat.ParseFromArray(payload->data(),
                           static_cast<int>(payload->size()))) {
    table->CountMalformed();
    return std::nullopt;
  }
  google::protobuf::RepeatedPtrField<Heartbeat> others;
  others.Swap(beat.mutable_of_node());
  table->Update(beat, now);
  for (Heartbeat& other : others) {
    other.set_generation(beat.generation());
    other.set_host(beat.host());
    other.clear_of_node();
    table->Update(other, now);
  }
  HeartbeatReply reply;
  reply.set_generation(table->generation());
  reply.set_number(beat.number());
  return Seal(key, reply.SerializeAsString(), Towards::kRank);
}

}  // namespace perdure
