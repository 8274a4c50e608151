#include "launcher/control/node_relay.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

NodeRelay::Address SpeakerAddress(const JobKey& key, int64_t generation) {
  // The seal of a text that nobody sends: without the key it cannot be guessed,
  // and it does not tell the key.
  const std::string seal = Seal(key, absl::StrCat("speaker of ", generation));
  const std::string name =
      absl::StrCat("perdure-", absl::BytesToHexString(seal.substr(4, 16)));
  NodeRelay::Address address = {};
  address.address.sun_family = AF_UNIX;
  // An abstract address begins with a zero.
  std::memcpy(address.address.sun_path + 1, name.data(), name.size());
  address.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

const sockaddr* Generic(const NodeRelay::Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.address);
}

absl::StatusOr<int> NewSocket() {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0) return fd;
  return absl::UnavailableError(
      absl::StrCat("a Unix socket: ", strerror(errno)));
}

}  // namespace

absl::StatusOr<NodeRelay> NodeRelay::Open(const JobKey& key,
                                          int64_t generation) {
  ASSIGN_OR_RETURN(const int fd, NewSocket());
  NodeRelay relay(fd, SpeakerAddress(key, generation));
  // An address of its own, which the kernel chooses, to be answered at.
  sockaddr_un own = {};
  own.sun_family = AF_UNIX;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof(sa_family_t)) !=
      0) {
    return absl::UnavailableError(
        absl::StrCat("an address for a Unix socket: ", strerror(errno)));
  }
  RETURN_IF_ERROR(relay.TryToSpeak());
  return relay;
}

NodeRelay::NodeRelay(NodeRelay&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      speaker_(other.speaker_),
      speaks_(other.speaks_) {}

NodeRelay::~NodeRelay() {
  if (fd_ >= 0) close(fd_);
}

absl::Status NodeRelay::TryToSpeak() {
  ASSIGN_OR_RETURN(const int fd, NewSocket());
  if (bind(fd, Generic(speaker_), speaker_.size) != 0) {
    close(fd);
    return absl::OkStatus();  // somebody else speaks
  }
  close(fd_);
  fd_ = fd;
  speaks_ = true;
  return absl::OkStatus();
}

std::optional<NodeRelay::Received> NodeRelay::Receive() {
  Received received = {};
  received.from.size = sizeof(received.from.address);
  const ssize_t got = recvfrom(
      fd_, buffer_, sizeof(buffer_), 0,
      reinterpret_cast<sockaddr*>(&received.from.address), &received.from.size);
  if (got < 0) return std::nullopt;
  received.datagram = absl::string_view(buffer_, static_cast<size_t>(got));
  return received;
}

void NodeRelay::SendToSpeaker(absl::string_view datagram) {
  if (sendto(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL,
             Generic(speaker_), speaker_.size) < 0 &&
      errno == ECONNREFUSED) {
    // Out of descriptors: the ranks then speak for themselves.
    TryToSpeak().IgnoreError();
  }
}

void NodeRelay::SendTo(absl::string_view datagram, const Address& to) {
  (void)!sendto(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL,
                Generic(to), to.size);
}

}  // namespace perdure
