#ifndef PERDURE_LAUNCHER_SUPERVISOR_SIGNAL_SOURCE_H_
#define PERDURE_LAUNCHER_SUPERVISOR_SIGNAL_SOURCE_H_

#include <optional>

#include "runtime/base/status.h"

namespace perdure {

// SIGTERM, SIGINT and SIGUSR1 as something to be asked for, not interrupted by.
// Created before any thread: all threads then leave these signals alone.
class SignalSource {
 public:
  static absl::StatusOr<SignalSource> Block();
  SignalSource(SignalSource&& other) noexcept;
  SignalSource& operator=(SignalSource&&) = delete;
  ~SignalSource();

  // One that has come since the last call; never blocks.
  std::optional<int> Take();

 private:
  explicit SignalSource(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_SIGNAL_SOURCE_H_
