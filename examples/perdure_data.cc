// perdure-data: text into token files, and a look into one.

#include <gflags/gflags.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"
#include "runtime/data/prepare.h"

DEFINE_string(input, "", "text file to read, or - for standard input");
DEFINE_string(tokenizer, "", "folder or file of a tokenizer, or char");
DEFINE_string(output, "", ".tokens file to write");
DEFINE_string(document_separator, "none", "what ends a document");
DEFINE_bool(eod, true, "end-of-document token after each document");
DEFINE_bool(bos, false, "beginning-of-sequence token before each document");

namespace perdure {
namespace {

constexpr char kHelp[] =
    R"(perdure-data makes token files for training out of text.

  perdure-data prepare --input FILE|- [--input ...] --tokenizer PATH|char
                       --output PATH.tokens [options]
  perdure-data inspect FILE [--tokenizer PATH]

prepare streams any amount of text through a tokenizer into one .tokens file
and writes the tokenizer's files beside it, so that the output's folder is all
that data.train and data.tokenizer of a run need.

  --input     text files, read in order; - is standard input
  --tokenizer folder or file with tokenizer.json, vocab.json + merges.txt,
              encoder.json + vocab.bpe, tokenizer.bin (llama2.c) or chars.json;
              char makes one of the text's characters (and reads it twice)
  --output    the file to write; it appears when it is complete
  --document_separator
              none           each input file is one document (default)
              blank          blank lines separate documents
              jsonl:FIELD    each line is a JSON object with a document in FIELD
              anything else  lines that read exactly so separate documents,
                             such as "<|endoftext|>"
  --noeod     leave out the end-of-document token that is put after each
              document where the tokenizer has one
  --bos       put the tokenizer's beginning-of-sequence token before each

inspect prints what a token file holds: Perdure's own, llm.c's .bin, or
Megatron's .bin with .idx.

Examples
  perdure-data prepare --input input.txt --tokenizer char \
      --output data/shakespeare/train.tokens
  perdure-data prepare --input stories.txt --tokenizer gpt2/ \
      --document_separator "<|endoftext|>" --output data/stories/train.tokens
  zcat web.jsonl.gz | perdure-data prepare --input - --tokenizer opt/ \
      --document_separator jsonl:text --output data/web/train.tokens
  perdure-data inspect data/shakespeare/train.tokens

Exit codes: 0 done, 2 wrong command line, 3 unusable data, 7 storage.
)";

// gflags keeps only the last of a repeated flag, so --input is taken out of the
// arguments first; and it does not say what an unknown flag may have meant.
absl::Status TakeInputs(std::vector<std::string>* arguments,
                        std::vector<std::string>* inputs) {
  std::vector<gflags::CommandLineFlagInfo> infos;
  gflags::GetAllFlags(&infos);
  std::vector<std::string> known, kept;
  for (const auto& info : infos) known.push_back(info.name);
  for (size_t i = 0; i < arguments->size(); ++i) {
    const std::string& argument = (*arguments)[i];
    absl::string_view name = argument;
    if (!absl::ConsumePrefix(&name, "-") || name.empty()) {
      kept.push_back(argument);
      continue;
    }
    absl::ConsumePrefix(&name, "-");
    const size_t equals = name.find('=');
    const std::string flag(name.substr(0, equals));
    if (flag == "input") {
      const bool inlined = equals != absl::string_view::npos;
      if (!inlined && ++i == arguments->size()) {
        return absl::InvalidArgumentError("--input needs a file name");
      }
      inputs->push_back(inlined ? std::string(name.substr(equals + 1))
                                : (*arguments)[i]);
      continue;
    }
    gflags::CommandLineFlagInfo info;
    const std::string positive(absl::StripPrefix(flag, "no"));
    if (!gflags::GetCommandLineFlagInfo(flag.c_str(), &info) &&
        !gflags::GetCommandLineFlagInfo(positive.c_str(), &info)) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown flag --", flag, DidYouMean(flag, known)));
    }
    kept.push_back(argument);
    // The value of a flag may look like a flag itself.
    if (info.type != "bool" && equals == absl::string_view::npos &&
        i + 1 < arguments->size()) {
      kept.push_back((*arguments)[++i]);
    }
  }
  *arguments = std::move(kept);
  return absl::OkStatus();
}

PrepareOptions::Mark MarkOf(const char* flag, bool value) {
  using Mark = PrepareOptions::Mark;
  const bool given = !gflags::GetCommandLineFlagInfoOrDie(flag).is_default;
  return !value ? Mark::kNo : given ? Mark::kYes : Mark::kIfKnown;
}

absl::Status RunPrepare(std::vector<std::string> inputs) {
  PrepareOptions options;
  options.inputs = std::move(inputs);
  options.tokenizer = FLAGS_tokenizer;
  options.output = FLAGS_output;
  options.document_separator = FLAGS_document_separator;
  options.eod = MarkOf("eod", FLAGS_eod);
  options.bos = MarkOf("bos", FLAGS_bos);
  options.terminal = isatty(STDERR_FILENO) != 0;
  ASSIGN_OR_RETURN(const PrepareReport report, Prepare(options));
  const double speed = report.seconds > 0
                           ? static_cast<double>(report.bytes) / report.seconds
                           : 0;
  std::printf("%s: %lld tokens, %lld document%s\n", options.output.c_str(),
              static_cast<long long>(report.tokens),
              static_cast<long long>(report.documents),
              report.documents == 1 ? "" : "s");
  std::printf("from %s of text with %s, in %.1f s (%.1f MB/s)\n",
              HumanBytes(report.bytes).c_str(), report.tokenizer.c_str(),
              report.seconds, speed / 1e6);
  return absl::OkStatus();
}

absl::Status Run(std::vector<std::string> arguments) {
  if (arguments.size() < 2) {
    return absl::InvalidArgumentError(
        "no command; perdure-data prepare or perdure-data inspect (--help says "
        "more)");
  }
  std::vector<std::string> inputs;
  RETURN_IF_ERROR(TakeInputs(&arguments, &inputs));
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int argc = static_cast<int>(pointers.size());
  char** argv = pointers.data();
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "prepare" && argc == 2) return RunPrepare(std::move(inputs));
  if (command == "inspect" && argc == 3 && inputs.empty()) {
    ASSIGN_OR_RETURN(const std::string text,
                     InspectTokenFile(argv[2], FLAGS_tokenizer));
    std::fputs(text.c_str(), stdout);
    return absl::OkStatus();
  }
  if (command == "prepare") {
    return absl::InvalidArgumentError(absl::StrCat(
        "prepare: unexpected \"", argv[2], "\"; name files by --input"));
  }
  if (command == "inspect") {
    return absl::InvalidArgumentError("inspect takes one token file");
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown command \"", command, "\"",
      DidYouMean(command, {"prepare", "inspect"}), "; --help says more"));
}

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  for (const std::string& argument : arguments) {
    if (argument == "--help" || argument == "-help" || argument == "-h") {
      std::fputs(perdure::kHelp, stdout);
      return 0;
    }
    if (argument == "--version" || argument == "-version") {
      std::printf("perdure-data %s\n", PERDURE_VERSION);
      return 0;
    }
  }
  const absl::Status status = perdure::Run(arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "perdure-data: %s\n",
               std::string(status.message()).c_str());
  return perdure::ExitCode(status);
}
