#ifndef PERDURE_LAUNCHER_FLAGS_COMMAND_LINE_H_
#define PERDURE_LAUNCHER_FLAGS_COMMAND_LINE_H_

// The command line of a program with gflags' flags. gflags' own parser ends the
// process with code 1, for --help too, and suggests nothing.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// Sets the flags that the arguments (without the program's name) give, as
// --name=value, --name value, or --name and --noname for a bool; one dash will
// do. InvalidArgument for an unknown flag, with the nearest known ones, for a
// value that is not of the flag's type, and for what is no flag, unless `words`
// is there to take it.
absl::Status SetFlags(const std::vector<std::string>& arguments,
                      std::vector<std::string>* words = nullptr);

// Whether a bool flag, such as help or version, is on.
bool FlagIsOn(const char* name);

// The usage message and the flags defined in the program's own file,
// <program>.cc.
std::string HelpText(absl::string_view program);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_FLAGS_COMMAND_LINE_H_
