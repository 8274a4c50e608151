#ifndef PERDURE_LAUNCHER_SUPERVISOR_CONTROL_FILE_H_
#define PERDURE_LAUNCHER_SUPERVISOR_CONTROL_FILE_H_

// Where a running launch can be reached: RUN_DIR/launch/control.json.

#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

struct ControlAddress {
  std::string address;  // "127.0.0.1:4711"
  std::string token;
};

// Readable by its owner only.
absl::Status WriteControlFile(absl::string_view directory,
                              const ControlAddress& address);
// NotFound: no launch is going on here.
absl::StatusOr<ControlAddress> ReadControlFile(absl::string_view directory);
void RemoveControlFile(absl::string_view directory);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_CONTROL_FILE_H_
