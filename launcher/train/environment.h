#ifndef PERDURE_LAUNCHER_TRAIN_ENVIRONMENT_H_
#define PERDURE_LAUNCHER_TRAIN_ENVIRONMENT_H_

#include <string>
#include <vector>

#include "launcher/train/session.h"

namespace perdure {

// "0.1.0"
const char* Version();
// "2026-01-31T12:00:00Z"
std::string UtcNow();
// Versions, hardware, host, time and the variables that change how fast or how
// exactly things run: what one needs to repeat a run.
std::string DescribeEnvironment(const SessionInfo& info,
                                const std::string& device);
// argv, quoted for a shell.
std::string QuoteCommand(const std::vector<std::string>& argv);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_ENVIRONMENT_H_
