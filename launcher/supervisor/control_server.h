#ifndef PERDURE_LAUNCHER_SUPERVISOR_CONTROL_SERVER_H_
#define PERDURE_LAUNCHER_SUPERVISOR_CONTROL_SERVER_H_

// Answers `perdure-launch status|stop|checkpoint` while a run goes on: gRPC on
// the loopback interface, with a token that only the owner of the run's
// directory can read.

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "launcher/supervisor/launch.pb.h"
#include "runtime/base/status.h"

namespace perdure {

class ControlServer {
 public:
  // Writes the address and a new token to `directory`/control.json, mode 0600.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Start(
      absl::string_view directory);
  virtual ~ControlServer() = default;  // stops answering, removes the file

  // What Status answers from now on.
  virtual void Publish(LaunchStatus status) = 0;
  // A command that came since the last call.
  virtual std::optional<CommandRequest::Command> TakeCommand() = 0;
};

// From another process. NotFound if no launch of this run is going on.
absl::StatusOr<LaunchStatus> AskStatus(absl::string_view directory);
absl::Status SendCommand(absl::string_view directory,
                         CommandRequest::Command command);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_CONTROL_SERVER_H_
