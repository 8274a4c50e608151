#ifndef PERDURE_LAUNCHER_SUPERVISOR_CHILD_PROCESS_H_
#define PERDURE_LAUNCHER_SUPERVISOR_CHILD_PROCESS_H_

// A program that the supervisor starts, in a process group of its own, with its
// output in pipes and nothing to read.

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/status.h"

namespace perdure {

// How a process ended.
struct ExitState {
  int code = 0;                  // 128 + signal where a signal ended it
  int signal = 0;                // 0: it left by itself
  std::string ToString() const;  // "exit code 3", "signal 9 (Killed)"
};
ExitState ExitStateOf(int wait_status);

class ChildProcess {
 public:
  // argv[0] is looked up in PATH; `variables` are added to the environment.
  // NotFound if there is no such program.
  static absl::StatusOr<ChildProcess> Start(
      const std::vector<std::string>& argv,
      const std::vector<std::pair<std::string, std::string>>& variables);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  // kills the group if it still runs

  pid_t pid() const { return pid_; }
  // Non-blocking; closed with the object.
  int output() const { return output_; }
  int errors() const { return errors_; }

  // To the process alone, or to its group.
  void Signal(int signal);
  void SignalGroup(int signal);
  // Takes the exit state if it has ended; never blocks.
  std::optional<ExitState> Poll();

 private:
  ChildProcess(pid_t pid, int output, int errors)
      : pid_(pid), output_(output), errors_(errors) {}

  pid_t pid_;
  int output_, errors_;
  std::optional<ExitState> ended_;
};

// Appends what a non-blocking descriptor has for now.
void ReadAvailable(int fd, std::string* text);

// Makes this process the parent of all its descendants that lose theirs, so
// that none outlives it unseen.
void AdoptOrphans();
// SIGKILLs all descendants of this process in its network namespace (in others
// they stand for other machines). Returns how many there were.
int KillDescendants();
// Takes the exit states of adopted processes that have ended, but not of `but`.
void ReapOrphans(pid_t but);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_CHILD_PROCESS_H_
