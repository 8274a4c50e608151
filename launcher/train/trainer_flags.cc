#include "launcher/train/trainer_flags.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace perdure {

std::vector<std::string> TakeOverrides(int* argc, char** argv) {
  std::vector<std::string> overrides;
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    absl::string_view argument = argv[i];
    if (!absl::ConsumePrefix(&argument, "--")) {
      absl::ConsumePrefix(&argument, "-");
    }
    const bool dashed = argument.size() < absl::string_view(argv[i]).size();
    if (dashed && argument == "set" && i + 1 < *argc) {
      overrides.emplace_back(argv[++i]);
    } else if (dashed && absl::ConsumePrefix(&argument, "set=")) {
      overrides.emplace_back(argument);
    } else {
      argv[kept++] = argv[i];
    }
  }
  *argc = kept;
  argv[kept] = nullptr;
  return overrides;
}

}  // namespace perdure
