#include "launcher/supervisor/link_probe.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace perdure {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBytes = 64 << 10;
constexpr const char* kOk = "ok";

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Clock::time_point After(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(seconds));
}

// Until `events`; false once the deadline has passed.
bool WaitFor(int fd, short events, Clock::time_point deadline) {
  pollfd ready = {fd, events, 0};
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - Clock::now());
    if (left.count() <= 0) return false;
    const int got = poll(&ready, 1, static_cast<int>(left.count()));
    if (got > 0) return true;
    if (got < 0 && errno != EINTR) return false;
  }
}

bool WouldWait() { return errno == EAGAIN || errno == EINTR; }

// Sends `out` bytes and reads `in` bytes, in pieces as they fit.
bool Exchange(int fd, size_t out, size_t in, Clock::time_point deadline) {
  std::array<char, 4096> buffer{};
  while (out > 0 || in > 0) {
    const short events =
        static_cast<short>((out > 0 ? POLLOUT : 0) | (in > 0 ? POLLIN : 0));
    if (!WaitFor(fd, events, deadline)) return false;
    if (out > 0) {
      const ssize_t sent = send(fd, buffer.data(), std::min(out, buffer.size()),
                                MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && !WouldWait()) return false;
      if (sent > 0) out -= static_cast<size_t>(sent);
    }
    if (in > 0) {
      const ssize_t got =
          recv(fd, buffer.data(), std::min(in, buffer.size()), MSG_DONTWAIT);
      if (got == 0 || (got < 0 && !WouldWait())) return false;
      if (got > 0) in -= static_cast<size_t>(got);
    }
  }
  return true;
}

// Gives back as much as it has taken, piece by piece.
void GiveBack(int fd, Clock::time_point deadline) {
  std::array<char, 4096> buffer{};
  size_t left = kBytes;
  while (left > 0 && WaitFor(fd, POLLIN, deadline)) {
    const ssize_t got =
        recv(fd, buffer.data(), std::min(left, buffer.size()), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && !WouldWait())) return;
    if (got < 0) continue;
    left -= static_cast<size_t>(got);
    if (!Exchange(fd, static_cast<size_t>(got), 0, deadline)) return;
  }
}

absl::StatusOr<Socket> Connect(const std::string& peer,
                               Clock::time_point deadline) {
  const size_t colon = peer.rfind(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError("is not HOST:PORT");
  }
  addrinfo hints = {};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(peer.substr(0, colon).c_str(),
                                peer.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0) return absl::NotFoundError(gai_strerror(error));
  Socket made(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int connected = connect(made.fd(), found->ai_addr, found->ai_addrlen);
  const int connect_error = connected == 0 ? 0 : errno;
  freeaddrinfo(found);
  if (connect_error != 0 && connect_error != EINPROGRESS) {
    return absl::UnavailableError(strerror(connect_error));
  }
  int result = 0;
  socklen_t size = sizeof(result);
  if (!WaitFor(made.fd(), POLLOUT, deadline)) {
    return absl::DeadlineExceededError("no connection in time");
  }
  getsockopt(made.fd(), SOL_SOCKET, SO_ERROR, &result, &size);
  if (result != 0) return absl::UnavailableError(strerror(result));
  return made;
}

std::string Reach(const std::string& peer, double seconds) {
  const Clock::time_point deadline = After(seconds);
  const absl::StatusOr<Socket> socket = Connect(peer, deadline);
  if (!socket.ok()) return std::string(socket.status().message());
  return Exchange(socket->fd(), kBytes, kBytes, deadline)
             ? ""
             : "connected, but the data did not come back in time";
}

}  // namespace

absl::Status ServeLinkProbe(double seconds,
                            const std::function<void(int port)>& tell) {
  const Clock::time_point deadline = After(seconds);
  const Socket listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  if (bind(listener.fd(), any, size) != 0 || listen(listener.fd(), 64) != 0 ||
      getsockname(listener.fd(), any, &size) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen for a probe: ", strerror(errno)));
  }
  tell(ntohs(address.sin_port));
  std::vector<std::thread> served;
  while (WaitFor(listener.fd(), POLLIN, deadline)) {
    const int fd = accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    served.emplace_back([fd, deadline] {
      const Socket socket(fd);
      GiveBack(socket.fd(), deadline);
    });
  }
  for (std::thread& thread : served) thread.join();
  return absl::OkStatus();
}

std::vector<ReachedPeer> ReachPeers(const std::vector<std::string>& peers,
                                    double seconds) {
  std::vector<ReachedPeer> reached(peers.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < peers.size(); ++i) {
    reached[i].peer = peers[i];
    threads.emplace_back([&reached, i, seconds] {
      reached[i].problem = Reach(reached[i].peer, seconds);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return reached;
}

std::string ReachedText(const std::vector<ReachedPeer>& peers) {
  std::string text;
  for (const ReachedPeer& peer : peers) {
    absl::StrAppend(&text, peer.peer, " ",
                    peer.problem.empty() ? kOk : peer.problem, "\n");
  }
  return text;
}

std::vector<ReachedPeer> ParseReached(absl::string_view text) {
  std::vector<ReachedPeer> peers;
  for (const absl::string_view line :
       absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const size_t space = line.find(' ');
    if (space == absl::string_view::npos) continue;
    const absl::string_view said = line.substr(space + 1);
    peers.push_back({std::string(line.substr(0, space)),
                     said == kOk ? "" : std::string(said)});
  }
  return peers;
}

}  // namespace perdure
