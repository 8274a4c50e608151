#include "launcher/control/udp_socket.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

absl::StatusOr<sockaddr_in> Resolve(const std::string& host,
                                    const std::string& port) {
  addrinfo hints = {};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("no address for ", host, ": ", gai_strerror(error)));
  }
  sockaddr_in address;
  std::memcpy(&address, found->ai_addr, sizeof(address));
  freeaddrinfo(found);
  return address;
}

absl::Status SystemError(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", strerror(errno)));
}

absl::StatusOr<int> NewSocket() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return SystemError("a UDP socket");
  return fd;
}

// What thousands of ranks send while the receiver is off the processor for some
// milliseconds. The default holds a few hundred datagrams. Best effort: beyond
// the system's limit (net.core.rmem_max) for root alone.
void EnlargeBuffer(int fd) {
  const int bytes = 16 << 20;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  }
}

const sockaddr* Generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

absl::StatusOr<UdpSocket> UdpSocket::Bind(absl::string_view address) {
  ASSIGN_OR_RETURN(const sockaddr_in at, Resolve(std::string(address), "0"));
  ASSIGN_OR_RETURN(const int fd, NewSocket());
  UdpSocket result(fd);
  EnlargeBuffer(fd);
  if (bind(fd, Generic(at), sizeof(at)) != 0) {
    return SystemError(absl::StrCat("listening on ", address));
  }
  return result;
}

absl::StatusOr<UdpSocket> UdpSocket::Connect(absl::string_view host_port) {
  const size_t colon = host_port.rfind(':');
  if (colon == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", host_port, "' is not HOST:PORT"));
  }
  ASSIGN_OR_RETURN(const sockaddr_in to,
                   Resolve(std::string(host_port.substr(0, colon)),
                           std::string(host_port.substr(colon + 1))));
  ASSIGN_OR_RETURN(const int fd, NewSocket());
  UdpSocket result(fd);
  if (connect(fd, Generic(to), sizeof(to)) != 0) {
    return SystemError(absl::StrCat("reaching ", host_port));
  }
  return result;
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) close(fd_);
}

uint16_t UdpSocket::port() const {
  sockaddr_in address = {};
  socklen_t size = sizeof(address);
  getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

void UdpSocket::Send(absl::string_view datagram) {
  // A refused or unreachable peer is told by its silence.
  (void)!send(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL);
}

void UdpSocket::SendTo(absl::string_view datagram, const sockaddr_in& to) {
  (void)!sendto(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL,
                Generic(to), sizeof(to));
}

std::optional<UdpSocket::Received> UdpSocket::Receive() {
  Received received = {};
  while (true) {
    socklen_t size = sizeof(received.from);
    const ssize_t got =
        recvfrom(fd_, buffer_, sizeof(buffer_), 0,
                 reinterpret_cast<sockaddr*>(&received.from), &size);
    if (got >= 0) {
      received.datagram = absl::string_view(buffer_, static_cast<size_t>(got));
      return received;
    }
    // An earlier datagram was refused; what has arrived is still there.
    if (errno != ECONNREFUSED && errno != EINTR) return std::nullopt;
  }
}

void UdpSocket::Wait(double seconds) {
  pollfd ready = {fd_, POLLIN, 0};
  poll(&ready, 1, seconds <= 0 ? 0 : static_cast<int>(seconds * 1e3) + 1);
}

}  // namespace perdure
