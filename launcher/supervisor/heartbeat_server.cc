#include "launcher/supervisor/heartbeat_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "launcher/supervisor/heartbeat_intake.h"

namespace perdure {
namespace {

// A flood does not keep the supervisor from its other work: some 10 ms.
constexpr int kMostAtOnce = 2000;

}  // namespace

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
  for (int i = 0; i < kMostAtOnce; ++i) {
    const auto received = socket_.Receive();
    if (!received.has_value()) return;
    const auto answer = TakeDatagram(key_, received->datagram, now, table);
    if (answer.has_value()) socket_.SendTo(*answer, received->from);
  }
}

}  // namespace perdure
