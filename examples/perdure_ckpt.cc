// perdure-ckpt: looks at, checks and converts snapshots.

#include <gflags/gflags.h>
#include <glog/logging.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "checkpoint/convert/commands.h"
#include "checkpoint/replay/replay_command.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

DEFINE_bool(progress, false, "show progress on stderr");
DEFINE_int64(to_step, -1, "the step that replay makes");
DEFINE_string(output, "", "the directory that replay makes");

namespace perdure {
namespace {

// gflags would end the process with code 1 and no suggestion.
absl::Status CheckFlags(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    absl::string_view name = argument;
    if (!absl::ConsumePrefix(&name, "-")) continue;
    absl::ConsumePrefix(&name, "-");
    name = name.substr(0, name.find('='));
    const std::string flag(name);
    const std::string positive(absl::StripPrefix(name, "no"));
    gflags::CommandLineFlagInfo info;
    if (!gflags::GetCommandLineFlagInfo(flag.c_str(), &info) &&
        !gflags::GetCommandLineFlagInfo(positive.c_str(), &info)) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown flag ", argument,
                       DidYouMean(flag, {"progress", "to_step", "output", "help", "version"}),
                       " (--help lists them)"));
    }
  }
  return absl::OkStatus();
}

absl::Status Run(int argc, char** argv) {
  RETURN_IF_ERROR(CheckFlags({argv + 1, argv + argc}));
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == "replay") {
    return RunReplayCommand(arguments, FLAGS_to_step, FLAGS_output, std::cout);
  }
  const bool given =
      !gflags::GetCommandLineFlagInfoOrDie("progress").is_default;
  const bool progress = given ? FLAGS_progress : isatty(STDERR_FILENO) != 0;
  return RunCheckpointCommand({argv + 1, argv + argc}, std::cout,
                              progress ? &std::cerr : nullptr);
}

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-help" || argument == "-h") {
      std::fputs(perdure::kCheckpointHelp, stdout);
      std::fputs(perdure::kReplayHelp, stdout);
      return 0;
    }
    if (argument == "--version" || argument == "-version") {
      std::printf("perdure-ckpt %s\n", PERDURE_VERSION);
      return 0;
    }
  }
  FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  const absl::Status status = perdure::Run(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "perdure-ckpt: %s\n",
               std::string(status.message()).c_str());
  return perdure::ExitCode(status);
}
