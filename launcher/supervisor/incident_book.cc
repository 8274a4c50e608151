#include "launcher/supervisor/incident_book.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

// Not synced: a restart does not wait for a report.
absl::Status WriteFile(const std::string& path, const std::string& content) {
  ASSIGN_OR_RETURN(File file, File::Open(path, File::Mode::kCreate));
  return file.Write(content.data(), content.size());
}

}  // namespace

absl::StatusOr<IncidentBook> IncidentBook::Open(absl::string_view directory) {
  const std::string folder = JoinPath(directory, "incidents");
  RETURN_IF_ERROR(CreateDirectories(folder));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  int64_t last = 0;
  for (const std::string& name : names) {
    int64_t number = 0;
    if (absl::SimpleAtoi(name.substr(0, name.find('.')), &number)) {
      last = std::max(last, number);
    }
  }
  return IncidentBook(folder, last);
}

const Incident& IncidentBook::Add(Incident incident) {
  ++count_;
  incident.number = ++number_;
  last_ = std::move(incident);
  if (last_->verdict.fault != Fault::kStraggler) last_end_ = last_;
  Write(*last_);
  return *last_;
}

void IncidentBook::Recovered(const Recovery& recovery) {
  if (!last_end_.has_value()) return;
  last_end_->recovery = recovery;
  Write(*last_end_);
  if (last_->number == last_end_->number) last_ = last_end_;
}

void IncidentBook::Write(const Incident& incident) {
  const std::string base =
      JoinPath(folder_, absl::StrFormat("%04d", incident.number));
  for (const absl::Status& written :
       {WriteFile(base + ".txt", IncidentText(incident)),
        WriteFile(base + ".json", IncidentJson(incident))}) {
    if (written.ok()) continue;
    std::fprintf(stderr, "perdure-launch: warning: an incident's file: %s\n",
                 std::string(written.message()).c_str());
  }
}

}  // namespace perdure
