#include "launcher/supervisor/debris.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
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

// From an mpirun's contact file, which begins with its job number.
std::optional<uint32_t> FamilyOf(const fs::path& session) {
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

// The session directories of this user, one for every host name.
std::vector<fs::path> SessionsIn(const DebrisPlaces& places) {
  std::error_code error;
  const fs::path temporary = places.temporary.empty()
                                 ? fs::temp_directory_path(error)
                                 : fs::path(places.temporary);
  const std::string suffix = absl::StrCat(".", geteuid());
  std::vector<fs::path> sessions;
  for (const fs::path& entry : EntriesOf(error ? "/tmp" : temporary)) {
    const std::string name = entry.filename();
    if (absl::StartsWith(name, "ompi.") && absl::EndsWith(name, suffix)) {
      sessions.push_back(entry);
    }
  }
  return sessions;
}

int RemoveAll(const fs::path& path) {
  std::error_code error;
  return fs::remove_all(path, error) > 0 && !error ? 1 : 0;
}

}  // namespace

std::optional<uint32_t> JobFamilyOf(pid_t mpirun_pid,
                                    const DebrisPlaces& places) {
  for (const fs::path& sessions : SessionsIn(places)) {
    const auto family = FamilyOf(sessions / absl::StrCat("pid.", mpirun_pid));
    if (family.has_value()) return family;
  }
  return std::nullopt;
}

int RemoveDebris(uint32_t family, const DebrisPlaces& places) {
  int removed = 0;
  for (const fs::path& sessions : SessionsIn(places)) {
    for (const fs::path& session : EntriesOf(sessions)) {
      // mpirun's own, and those of its daemons.
      if (FamilyOf(session) == family ||
          session.filename() == absl::StrCat("jf.", family)) {
        removed += RemoveAll(session);
      }
    }
  }
  for (const fs::path& segment : EntriesOf(places.shared_memory)) {
    if (BelongsTo(segment.filename(), family)) removed += RemoveAll(segment);
  }
  return removed;
}

}  // namespace perdure
