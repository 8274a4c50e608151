#include "launcher/supervisor/control_desk.h"

#include <utility>

#include "launcher/control/datagram.h"

namespace perdure {

bool ControlDesk::Admit(absl::string_view token) {
  if (SameSecret(token, token_)) return true;
  const std::lock_guard<std::mutex> lock(mutex_);
  ++denied_;
  return false;
}

ControlDesk::Result ControlDesk::Answer(const StatusRequest& request,
                                        LaunchStatus* reply) {
  if (!Admit(request.token())) return Result::kDenied;
  const std::lock_guard<std::mutex> lock(mutex_);
  *reply = status_;
  reply->set_denied_requests(denied_);
  return Result::kDone;
}

ControlDesk::Result ControlDesk::Obey(const CommandRequest& request) {
  if (!Admit(request.token())) return Result::kDenied;
  if (!request.has_command()) return Result::kNoCommand;
  const std::lock_guard<std::mutex> lock(mutex_);
  command_ = request.command();
  return Result::kDone;
}

void ControlDesk::Publish(LaunchStatus status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  status_ = std::move(status);
}

std::optional<CommandRequest::Command> ControlDesk::TakeCommand() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(command_, std::nullopt);
}

int64_t ControlDesk::denied() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return denied_;
}

}  // namespace perdure
