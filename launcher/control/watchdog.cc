#include "launcher/control/watchdog.h"

#include <unistd.h>

#include <array>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

constexpr double kFarewellSeconds = 1;

ProgressClock::duration Seconds(double seconds) {
  return std::chrono::duration_cast<ProgressClock::duration>(
      std::chrono::duration<double>(seconds));
}

std::string HostName() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

// Nothing is flushed: what this process still holds is not to be read by
// anybody.
[[noreturn]] void Leave(int exit_code, const std::string& why) {
  const std::string line = absl::StrCat("perdure: ", why, "\n");
  (void)!write(STDERR_FILENO, line.data(), line.size());
  _exit(exit_code);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Watchdog>> Watchdog::Start(
    const LaunchEnvironment& environment, int rank,
    const ProgressBoard* board) {
  ASSIGN_OR_RETURN(UdpSocket socket, UdpSocket::Connect(environment.address));
  std::unique_ptr<Watchdog> watchdog(
      new Watchdog(environment, std::move(socket), rank, board));
  watchdog->thread_ = std::thread([w = watchdog.get()] { w->Run(); });
  return watchdog;
}

Watchdog::Watchdog(const LaunchEnvironment& environment, UdpSocket socket,
                   int rank, const ProgressBoard* board)
    : environment_(environment),
      socket_(std::move(socket)),
      sender_{environment.generation, rank, getpid(), HostName()},
      board_(board),
      answered_(ProgressClock::now()) {}

Watchdog::~Watchdog() {
  stop_.store(true);
  thread_.join();
}

void Watchdog::Finish(int exit_code) {
  exit_code_.store(exit_code);
  const auto deadline = ProgressClock::now() + Seconds(kFarewellSeconds);
  stop_.store(true);
  thread_.join();
  while (!done_ && ProgressClock::now() < deadline) {
    Beat();
    Listen(ProgressClock::now() + Seconds(environment_.beat_seconds / 4));
  }
  thread_ = std::thread([] {});  // for the destructor
}

void Watchdog::Run() {
  while (!stop_.load()) {
    const auto next = ProgressClock::now() + Seconds(environment_.beat_seconds);
    Beat();
    Listen(next);
    CheckLease();
  }
}

void Watchdog::Beat() {
  Heartbeat beat =
      MakeHeartbeat(sender_, ++number_, board_->Read(), ProgressClock::now());
  if (exit_code_.load() >= 0) {
    beat.set_exit_code(exit_code_.load());
    if (last_number_ == 0) last_number_ = number_;
  }
  socket_.Send(Seal(environment_.key, beat.SerializeAsString()));
}

void Watchdog::Listen(ProgressClock::time_point until) {
  while (!done_) {
    while (const auto received = socket_.Receive()) Hear(received->datagram);
    const auto left = until - ProgressClock::now();
    if (left <= ProgressClock::duration::zero()) return;
    socket_.Wait(std::chrono::duration<double>(left).count());
  }
}

void Watchdog::Hear(absl::string_view datagram) {
  const auto payload = Unseal(environment_.key, datagram);
  HeartbeatReply reply;
  if (!payload.has_value() ||
      !reply.ParseFromArray(payload->data(),
                            static_cast<int>(payload->size())) ||
      reply.number() > number_ || reply.number() <= answered_number_) {
    return;
  }
  if (reply.generation() > environment_.generation) {
    Leave(kExitOldGeneration,
          absl::StrCat("rank ", sender_.rank, " of generation ",
                       environment_.generation, ": generation ",
                       reply.generation(), " has taken over"));
  }
  if (reply.generation() != environment_.generation) return;
  answered_ = ProgressClock::now();
  answered_number_ = reply.number();
  if (last_number_ > 0 && reply.number() >= last_number_) done_ = true;
}

void Watchdog::CheckLease() {
  if (ProgressClock::now() - answered_ <= Seconds(environment_.lease_seconds)) {
    return;
  }
  Leave(kExitLeaseLost,
        absl::StrCat("rank ", sender_.rank, " of generation ",
                     environment_.generation, ": perdure-launch at ",
                     environment_.address, " has not answered for ",
                     environment_.lease_seconds,
                     " s; ending, as others may have taken over"));
}

}  // namespace perdure
