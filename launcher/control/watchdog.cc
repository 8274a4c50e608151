#include "launcher/control/watchdog.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "runtime/base/blame.h"

namespace perdure {
namespace {

constexpr double kFarewellSeconds = 1;
// Beats without an answer by the node's speaker: it is stopped or cut off.
constexpr double kUnanswered = 3;
// Of a message about a wrong result; it is to fit into a datagram.
constexpr size_t kWrongBytes = 600;

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
  if (environment.one_per_node) {
    ASSIGN_OR_RETURN(NodeRelay relay,
                     NodeRelay::Open(environment.key, environment.generation));
    watchdog->relay_.emplace(std::move(relay));
  }
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
  if (thread_.joinable()) thread_.join();
}

void Watchdog::Finish(const absl::Status& status) {
  status_ = status;
  exit_code_.store(ExitCode(status));
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
    if (const std::optional<Blame> blame = BlameOf(status_)) {
      beat.mutable_wrong_rank()->Assign(blame->ranks.begin(),
                                        blame->ranks.end());
      beat.set_wrong_for_certain(blame->certain);
      beat.set_wrong(std::string(status_.message().substr(0, kWrongBytes)));
    }
    if (last_number_ == 0) last_number_ = number_;
    Send(beat);
    return;
  }
  if (relay_.has_value()) {
    BeatByNode(beat);
  } else {
    Send(beat);
  }
}

void Watchdog::Send(const Heartbeat& beat) {
  socket_.Send(Seal(environment_.key, beat.SerializeAsString()));
}

void Watchdog::BeatByNode(const Heartbeat& beat) {
  if (!relay_->speaks()) {
    relay_->SendToSpeaker(Seal(environment_.key, beat.SerializeAsString()));
  }
  if (!relay_->speaks()) {
    const auto patience = Seconds(kUnanswered * environment_.beat_seconds);
    if (ProgressClock::now() - answered_ > patience) Send(beat);
    return;
  }
  Heartbeat own = beat;
  node_beats_.Load(&own);
  Send(own);
  while (node_beats_.waiting()) {
    own = beat;
    own.set_number(++number_);
    node_beats_.Load(&own);
    Send(own);
  }
}

void Watchdog::Wait(double seconds) {
  pollfd ready[] = {{socket_.fd(), POLLIN, 0},
                    {relay_.has_value() ? relay_->fd() : -1, POLLIN, 0}};
  poll(ready, 2, seconds <= 0 ? 0 : static_cast<int>(seconds * 1e3) + 1);
}

void Watchdog::HearNode() {
  if (!relay_.has_value()) return;
  while (const auto received = relay_->Receive()) {
    if (!relay_->speaks()) {
      Hear(received->datagram);
      continue;
    }
    const auto payload = Unseal(environment_.key, received->datagram);
    Heartbeat beat;
    if (payload.has_value() &&
        beat.ParseFromArray(payload->data(),
                            static_cast<int>(payload->size())) &&
        beat.generation() == environment_.generation) {
      node_beats_.Take(std::move(beat), received->from);
    }
  }
}

void Watchdog::Listen(ProgressClock::time_point until) {
  while (!done_) {
    while (const auto received = socket_.Receive()) Hear(received->datagram);
    HearNode();
    const auto left = until - ProgressClock::now();
    if (left <= ProgressClock::duration::zero()) return;
    Wait(std::chrono::duration<double>(left).count());
  }
}

void Watchdog::Hear(absl::string_view datagram) {
  const auto payload = Unseal(environment_.key, datagram, Towards::kRank);
  HeartbeatReply reply;
  if (!payload.has_value() ||
      !reply.ParseFromArray(payload->data(),
                            static_cast<int>(payload->size())) ||
      reply.number() > number_ || reply.number() <= answered_number_) {
    return;
  }
  if (relay_.has_value() && relay_->speaks()) {
    for (const NodeBeats::Answer& answer : node_beats_.Answers(reply)) {
      relay_->SendTo(Seal(environment_.key, answer.reply.SerializeAsString(),
                          Towards::kRank),
                     answer.to);
    }
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
