#include "launcher/supervisor/debris.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> EntriesOf(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    entries.push_back(it->path());
  }
  return entries;
}

// The upper half of the job numbers of an mpirun, which begin its contact file.
std::optional<uint32_t> JobFamily(const fs::path& session) {
  std::ifstream file(session / "contact.txt");
  std::string line;
  uint32_t job = 0;
  if (!std::getline(file, line) ||
      !absl::SimpleAtoi(line.substr(0, line.find('.')), &job)) {
    return std::nullopt;
  }
  return job >> 16;
}

// "vader_segment.HOST.UID.JOB.RANK", JOB being hexadecimal.
bool BelongsTo(const std::string& name, uint32_t family) {
  if (!absl::StartsWith(name, "vader_segment.")) return false;
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  uint32_t job = 0;
  return parts.size() >= 5 &&
         parts[parts.size() - 3] == absl::StrCat(geteuid()) &&
         absl::SimpleHexAtoi(parts[parts.size() - 2], &job) &&
         job >> 16 == family;
}

}  // namespace

int RemoveDebrisIn(absl::string_view shared_memory, absl::string_view temporary,
                   pid_t mpirun_pid) {
  int removed = 0;
  const std::string suffix = absl::StrCat(".", geteuid());
  for (const fs::path& of_user : EntriesOf(std::string(temporary))) {
    const std::string name = of_user.filename();
    if (!absl::StartsWith(name, "ompi.") || !absl::EndsWith(name, suffix)) {
      continue;
    }
    const fs::path session = of_user / absl::StrCat("pid.", mpirun_pid);
    std::error_code error;
    if (!fs::is_directory(session, error)) continue;
    if (const std::optional<uint32_t> family = JobFamily(session)) {
      for (const fs::path& segment : EntriesOf(std::string(shared_memory))) {
        if (BelongsTo(segment.filename(), *family) &&
            fs::remove(segment, error)) {
          ++removed;
        }
      }
    }
    if (fs::remove_all(session, error) > 0 && !error) ++removed;
  }
  return removed;
}

int RemoveDebris(pid_t mpirun_pid) {
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  return RemoveDebrisIn("/dev/shm", error ? "/tmp" : temporary.string(),
                        mpirun_pid);
}

}  // namespace perdure
