#ifndef PERDURE_CHECKPOINT_REPLAY_REPLAY_COMMAND_H_
#define PERDURE_CHECKPOINT_REPLAY_REPLAY_COMMAND_H_

#include <ostream>
#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace perdure {

// What `--help` shows of it.
extern const char kReplayHelp[];

// `perdure-ckpt replay RUN_DIR` with the flags given.
absl::Status RunReplayCommand(const std::vector<std::string>& arguments,
                              int64_t to_step, const std::string& output,
                              std::ostream& out);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_REPLAY_REPLAY_COMMAND_H_
