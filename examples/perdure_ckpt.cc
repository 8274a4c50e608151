// perdure-ckpt: looks at, checks, compares and converts checkpoints.

#include <gflags/gflags.h>
#include <glog/logging.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "checkpoint/convert/commands.h"
#include "checkpoint/replay/replay_command.h"
#include "launcher/flags/command_line.h"
#include "runtime/base/status.h"

DEFINE_bool(progress, false, "show progress on stderr");
DEFINE_string(from, "", "convert, inspect: the format of the source");
DEFINE_string(to, "", "convert: the format of the target");
DEFINE_string(rules, "", "convert, diff: a shipped set of rules, or a file");
DEFINE_string(model, "", "convert, diff: config.json of the source's model");
DEFINE_string(dtype, "", "convert: fp32 or bf16");
DEFINE_string(config, "", "convert: of the run that goes on from the source");
DEFINE_bool(merge_lora, false, "export: add low-rank adapters to the weights");
DEFINE_bool(stats, false, "inspect: numbers about every tensor");
DEFINE_double(tolerance, 0, "diff: elements may be so far apart");
DEFINE_int32(keep_last, 0, "prune: the newest so many stay");
DEFINE_int32(keep_every, 0, "prune: and those of every so many steps");
DEFINE_bool(dry_run, false, "prune: remove nothing");
DEFINE_int64(to_step, -1, "replay: the step to make");
DEFINE_string(output, "", "replay: the directory to make");

namespace perdure {
namespace {

constexpr const char* kFlags[] = {
    "progress", "from",       "to",        "rules",     "model",
    "dtype",    "stats",      "tolerance", "keep_last", "keep_every",
    "dry_run",  "merge_lora", "config"};

bool Given(const char* flag) {
  return !gflags::GetCommandLineFlagInfoOrDie(flag).is_default;
}

CheckpointFlags Flags() {
  CheckpointFlags flags;
  flags.from = FLAGS_from;
  flags.to = FLAGS_to;
  flags.rules = FLAGS_rules;
  flags.model = FLAGS_model;
  flags.dtype = FLAGS_dtype;
  flags.config = FLAGS_config;
  flags.merge_lora = FLAGS_merge_lora;
  flags.stats = FLAGS_stats;
  if (Given("tolerance")) flags.tolerance = FLAGS_tolerance;
  flags.keep_last = FLAGS_keep_last;
  flags.keep_every = FLAGS_keep_every;
  flags.dry_run = FLAGS_dry_run;
  for (const char* flag : kFlags) {
    if (Given(flag)) flags.given.push_back(flag);
  }
  return flags;
}

absl::StatusOr<int> Run(int argc, char** argv) {
  std::vector<std::string> arguments;
  RETURN_IF_ERROR(SetFlags({argv + 1, argv + argc}, &arguments));
  if (!arguments.empty() && arguments[0] == "replay") {
    RETURN_IF_ERROR(
        RunReplayCommand(arguments, FLAGS_to_step, FLAGS_output, std::cout));
    return 0;
  }
  const bool progress =
      Given("progress") ? FLAGS_progress : isatty(STDERR_FILENO) != 0;
  return RunCheckpointCommand(arguments, Flags(),
                              {std::cout, progress ? &std::cerr : nullptr});
}

// The first argument that is no flag; "" if there is none.
std::string Verb(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] != '-') return argv[i];
  }
  return "";
}

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-help" || argument == "-h") {
      const std::string verb = perdure::Verb(argc, argv);
      std::fputs(verb == "replay" ? perdure::kReplayHelp
                                  : perdure::CheckpointHelp(verb).c_str(),
                 stdout);
      return 0;
    }
    if (argument == "--version" || argument == "-version") {
      std::printf("perdure-ckpt %s\n", PERDURE_VERSION);
      return 0;
    }
  }
  FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  const absl::StatusOr<int> code = perdure::Run(argc, argv);
  if (code.ok()) return *code;
  std::fprintf(stderr, "perdure-ckpt: %s\n",
               std::string(code.status().message()).c_str());
  return perdure::ExitCode(code.status());
}
