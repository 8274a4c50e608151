#ifndef PERDURE_CHECKPOINT_CONVERT_COMMANDS_H_
#define PERDURE_CHECKPOINT_CONVERT_COMMANDS_H_

// The verbs of perdure-ckpt.

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// What flags say; each belongs to some verbs.
struct CheckpointFlags {
  std::string from;                 // convert, inspect, diff
  std::string to;                   // convert
  std::string rules;                // convert, diff
  std::string model;                // convert, diff
  std::string dtype;                // convert
  std::string config;               // convert
  bool merge_lora = false;          // export
  bool stats = false;               // inspect
  std::optional<double> tolerance;  // diff
  int keep_last = 0;                // prune
  int keep_every = 0;               // prune
  bool dry_run = false;             // prune
  // The names of those that were given: one that the verb has no use for is an
  // error.
  std::vector<std::string> given;
};

// Where results go; and a line that is overwritten while work goes on (may be
// null).
struct CheckpointOutput {
  std::ostream& out;
  std::ostream* progress = nullptr;
};

// What `--help` shows: all verbs, or one with examples.
std::string CheckpointHelp(absl::string_view verb);

// Runs a verb with its operands. The exit code: 0, or 1 where `diff` found a
// difference. InvalidArgument for a wrong command line, else the error of the
// work.
absl::StatusOr<int> RunCheckpointCommand(
    const std::vector<std::string>& arguments, const CheckpointFlags& flags,
    const CheckpointOutput& output);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_COMMANDS_H_
