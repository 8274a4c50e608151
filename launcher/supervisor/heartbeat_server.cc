#include "launcher/supervisor/heartbeat_server.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure {

absl::StatusOr<HeartbeatServer> HeartbeatServer::Listen(
    absl::string_view address, const JobKey& key) {
  ASSIGN_OR_RETURN(UdpSocket socket, UdpSocket::Bind(address));
  return HeartbeatServer(std::move(socket), address, key);
}

HeartbeatServer::HeartbeatServer(UdpSocket socket, absl::string_view address,
                                 const JobKey& key)
    : socket_(std::move(socket)),
      address_(absl::StrCat(address, ":", socket_.port())),
      key_(key) {}

void HeartbeatServer::Drain(double now, RankTable* table) {
  while (const auto received = socket_.Receive()) {
    const auto payload = Unseal(key_, received->datagram);
    if (!payload.has_value()) {
      table->CountForeign();
      continue;
    }
    Heartbeat beat;
    if (!beat.ParseFromArray(payload->data(),
                             static_cast<int>(payload->size()))) {
      table->CountMalformed();
      continue;
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
    socket_.SendTo(Seal(key_, reply.SerializeAsString(), Towards::kRank),
                   received->from);
  }
}

}  // namespace perdure
