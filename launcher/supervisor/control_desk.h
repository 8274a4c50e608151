#ifndef PERDURE_LAUNCHER_SUPERVISOR_CONTROL_DESK_H_
#define PERDURE_LAUNCHER_SUPERVISOR_CONTROL_DESK_H_

// What requests from other terminals may see and do, however they arrive. Any
// thread may call anything.

#include <mutex>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "launcher/supervisor/launch.pb.h"

namespace perdure {

class ControlDesk {
 public:
  explicit ControlDesk(absl::string_view token) : token_(token) {}
  ControlDesk(const ControlDesk&) = delete;
  ControlDesk& operator=(const ControlDesk&) = delete;

  enum class Result {
    kDone,
    kDenied,    // wrong token; nothing has happened
    kNoCommand  // right token, nothing to do
  };
  Result Answer(const StatusRequest& request, LaunchStatus* reply);
  Result Obey(const CommandRequest& request);

  void Publish(LaunchStatus status);
  // A command that came since the last call.
  std::optional<CommandRequest::Command> TakeCommand();
  // Requests with a wrong token so far.
  int64_t denied();

 private:
  bool Admit(absl::string_view token);

  const std::string token_;
  std::mutex mutex_;
  LaunchStatus status_;
  std::optional<CommandRequest::Command> command_;
  int64_t denied_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_CONTROL_DESK_H_
