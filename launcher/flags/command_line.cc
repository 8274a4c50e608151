#include "launcher/flags/command_line.h"

#include <gflags/gflags.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

using FlagInfo = gflags::CommandLineFlagInfo;

bool Find(const std::string& name, FlagInfo* info) {
  return gflags::GetCommandLineFlagInfo(name.c_str(), info);
}

absl::Status UnknownFlag(const std::string& name) {
  std::vector<FlagInfo> infos;
  gflags::GetAllFlags(&infos);
  std::vector<std::string> known;
  for (const FlagInfo& info : infos) known.push_back(info.name);
  return absl::InvalidArgumentError(absl::StrCat("unknown flag --", name,
                                                 DidYouMean(name, known),
                                                 " (--help lists them)"));
}

absl::Status Set(const FlagInfo& info, const std::string& value) {
  const std::string done =
      gflags::SetCommandLineOption(info.name.c_str(), value.c_str());
  if (!done.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--", info.name, ": '", value, "' is no ", info.type, "; it is ",
      info.description, " (default: ", info.default_value, ")"));
}

}  // namespace

absl::Status SetFlags(const std::vector<std::string>& arguments,
                      std::vector<std::string>* words) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (!absl::ConsumePrefix(&argument, "-") || argument.empty()) {
      if (words != nullptr) {
        words->push_back(arguments[i]);
        continue;
      }
      return absl::InvalidArgumentError(absl::StrCat(
          "unexpected argument '", arguments[i], "'; --help lists the flags"));
    }
    absl::ConsumePrefix(&argument, "-");
    const size_t equals = argument.find('=');
    const bool inlined = equals != absl::string_view::npos;
    std::string name(argument.substr(0, equals));
    std::string value(inlined ? argument.substr(equals + 1) : "true");
    if (name == "h") name = "help";
    FlagInfo info;
    if (!Find(name, &info)) {
      // --noresume is --resume=false.
      if (inlined || !absl::StartsWith(name, "no") ||
          !Find(name.substr(2), &info) || info.type != "bool") {
        return UnknownFlag(name);
      }
      value = "false";
    } else if (!inlined && info.type != "bool") {
      if (++i == arguments.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--", name, " needs a value: ", info.description));
      }
      value = arguments[i];
    }
    RETURN_IF_ERROR(Set(info, value));
  }
  return absl::OkStatus();
}

bool FlagIsOn(const char* name) {
  return gflags::GetCommandLineFlagInfoOrDie(name).current_value == "true";
}

std::string HelpText(absl::string_view program) {
  std::string text =
      absl::StrCat(program, " ", gflags::ProgramUsage(), "\n\nFlags\n");
  std::vector<FlagInfo> infos;
  gflags::GetAllFlags(&infos);
  for (const FlagInfo& info : infos) {
    // Not those of the libraries.
    if (!absl::EndsWith(info.filename, absl::StrCat("/", program, ".cc")) &&
        !absl::EndsWith(info.filename, "/trainer_main.cc")) {
      continue;
    }
    const std::string fallback =
        info.default_value.empty() || info.type == "bool"
            ? ""
            : absl::StrCat(" (default: ", info.default_value, ")");
    absl::StrAppend(&text, "  --", info.name,
                    info.type == "bool" ? "" : absl::StrCat(" ", info.type),
                    "\n      ", info.description, fallback, "\n");
  }
  return absl::StrCat(text, "  --help, --version\n");
}

}  // namespace perdure
