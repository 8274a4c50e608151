#include "launcher/supervisor/run_program.h"

#include <poll.h>

#include <chrono>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "launcher/supervisor/child_process.h"

namespace perdure {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPollMilliseconds = 10;

absl::string_view LastLine(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const size_t end = text.rfind('\n');
  return end == absl::string_view::npos ? text : text.substr(end + 1);
}

}  // namespace

absl::StatusOr<std::string> RunProgram(
    const std::vector<std::string>& argv,
    const std::vector<std::pair<std::string, std::string>>& variables,
    double seconds) {
  ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start(argv, variables));
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  std::string output, errors;
  std::optional<ExitState> exit;
  while (!exit.has_value()) {
    if (Clock::now() > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat(argv[0], " has not ended within ", seconds, " s"));
    }
    pollfd ready[] = {{child.output(), POLLIN, 0}, {child.errors(), POLLIN, 0}};
    poll(ready, 2, kPollMilliseconds);
    exit = child.Poll();
    ReadAvailable(child.output(), &output);
    ReadAvailable(child.errors(), &errors);
  }
  if (exit->code == 0) return output;
  return absl::InternalError(absl::StrCat(
      argv[0], " ended with ", exit->ToString(), ": ", LastLine(errors)));
}

}  // namespace perdure
