#include "launcher/supervisor/signal_source.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace perdure {

absl::StatusOr<SignalSource> SignalSource::Block() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) return ErrnoStatus("signalfd", "signals", errno);
  return SignalSource(fd);
}

SignalSource::SignalSource(SignalSource&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

SignalSource::~SignalSource() {
  if (fd_ >= 0) close(fd_);
}

std::optional<int> SignalSource::Take() {
  signalfd_siginfo info = {};
  if (read(fd_, &info, sizeof(info)) != sizeof(info)) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace perdure
