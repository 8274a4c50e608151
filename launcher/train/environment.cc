#include "launcher/train/environment.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace perdure {

const char* Version() { return PERDURE_VERSION; }

std::string UtcNow() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(),
                          absl::UTCTimeZone());
}

std::string DescribeEnvironment(const SessionInfo& info,
                                const std::string& device) {
  utsname system = {};
  uname(&system);
  std::string text = absl::StrCat(
      "time: ", UtcNow(), "\nperdure: ", Version(), "\ncompiler: ", __VERSION__,
      "\nmpi: ", info.mpi_version, "\nhost: ", info.host,
      "\nsystem: ", system.sysname, " ", system.release, " ", system.machine,
      "\ndevice: ", device, "\n");
  for (char** variable = environ; *variable != nullptr; ++variable) {
    for (const char* prefix :
         {"OMP_", "ONEDNN_", "DNNL_", "OMPI_MCA_", "OPENBLAS_", "MALLOC_"}) {
      if (absl::StartsWith(*variable, prefix)) {
        absl::StrAppend(&text, "variable: ", *variable, "\n");
      }
    }
  }
  return text;
}

std::string QuoteCommand(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& argument : argv) {
    if (!text.empty()) text += " ";
    const bool plain =
        !argument.empty() &&
        argument.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
            "-_=./,:+@%") == std::string::npos;
    absl::StrAppend(
        &text,
        plain ? argument
              : absl::StrCat(
                    "'", absl::StrReplaceAll(argument, {{"'", "'\\''"}}), "'"));
  }
  return text;
}

}  // namespace perdure
