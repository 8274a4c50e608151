#ifndef PERDURE_LAUNCHER_CONTROL_UDP_SOCKET_H_
#define PERDURE_LAUNCHER_CONTROL_UDP_SOCKET_H_

// Datagrams over IPv4. Heartbeats go by UDP, not gRPC: a lost one is worth
// nothing once the next is there, no connection is to be set up again after a
// link was down, and thousands of ranks cost the supervisor one socket.

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

class UdpSocket {
 public:
  // On `address` ("10.0.0.1" or a host name), any free port.
  static absl::StatusOr<UdpSocket> Bind(absl::string_view address);
  // To "10.0.0.1:4711"; receives only from there.
  static absl::StatusOr<UdpSocket> Connect(absl::string_view host_port);
  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&&) = delete;
  ~UdpSocket();

  int fd() const { return fd_; }
  uint16_t port() const;

  // Best effort: what cannot be sent now is dropped. Connected sockets only.
  void Send(absl::string_view datagram);
  void SendTo(absl::string_view datagram, const sockaddr_in& to);
  // What has arrived, if anything; never blocks. A datagram longer than
  // `buffer` is given cut, which no seal survives.
  struct Received {
    absl::string_view datagram;  // in the buffer of the socket, until the next
    sockaddr_in from;
  };
  std::optional<Received> Receive();
  // Waits until something has arrived, at most so long.
  void Wait(double seconds);

 private:
  explicit UdpSocket(int fd) : fd_(fd) {}

  int fd_;
  char buffer_[2048];
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_CONTROL_UDP_SOCKET_H_
