#ifndef PERDURE_LAUNCHER_SUPERVISOR_HEARTBEAT_SERVER_H_
#define PERDURE_LAUNCHER_SUPERVISOR_HEARTBEAT_SERVER_H_

// The supervisor's end of the heartbeats: takes them in, answers each.

#include <memory>
#include <string>

#include "launcher/control/datagram.h"
#include "launcher/control/udp_socket.h"
#include "launcher/supervisor/rank_table.h"
#include "runtime/base/status.h"

namespace perdure {

class HeartbeatServer {
 public:
  // Listens on `address` alone.
  static absl::StatusOr<HeartbeatServer> Listen(absl::string_view address,
                                                const JobKey& key);

  int fd() const { return socket_.fd(); }
  // "127.0.0.1:4711"
  const std::string& address() const { return address_; }
  // Takes in all that has arrived. Every sealed heartbeat is answered with the
  // running generation, those of an older one too: so it learns that it is old.
  void Drain(double now, RankTable* table);

 private:
  HeartbeatServer(UdpSocket socket, absl::string_view address,
                  const JobKey& key);

  UdpSocket socket_;
  std::string address_;
  JobKey key_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_HEARTBEAT_SERVER_H_
