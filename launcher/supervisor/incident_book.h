#ifndef PERDURE_LAUNCHER_SUPERVISOR_INCIDENT_BOOK_H_
#define PERDURE_LAUNCHER_SUPERVISOR_INCIDENT_BOOK_H_

// RUN_DIR/launch/incidents: 0001.txt and 0001.json of every incident of a run,
// over all its launches.

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "launcher/supervisor/incident.h"
#include "runtime/base/status.h"

namespace perdure {

class IncidentBook {
 public:
  // Makes the folder in `directory` (RUN_DIR/launch); numbers go on where an
  // earlier launch ended.
  static absl::StatusOr<IncidentBook> Open(absl::string_view directory);

  // Numbers the incident and writes its files; what it now says.
  const Incident& Add(Incident incident);
  // Training goes on after the last one that ended a generation: its files are
  // written again. A slow rank ends none.
  void Recovered(const Recovery& recovery);
  // Of this launch.
  int64_t count() const { return count_; }
  const std::optional<Incident>& last() const { return last_; }

 private:
  IncidentBook(std::string folder, int64_t number)
      : folder_(std::move(folder)), number_(number) {}
  // A full disk does not end a run: a failure is a line on stderr.
  void Write(const Incident& incident);

  std::string folder_;
  int64_t number_;  // of the last one
  int64_t count_ = 0;
  std::optional<Incident> last_;
  std::optional<Incident> last_end_;  // that ended a generation
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_INCIDENT_BOOK_H_
