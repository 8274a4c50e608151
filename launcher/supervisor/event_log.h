#ifndef PERDURE_LAUNCHER_SUPERVISOR_EVENT_LOG_H_
#define PERDURE_LAUNCHER_SUPERVISOR_EVENT_LOG_H_

// RUN_DIR/launch/events.jsonl: one JSON object a line, of everything that the
// supervisor did and saw. Appended over all launches of a run; what status and
// history show.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace perdure {

// A field's value: text or number.
struct EventField {
  EventField(absl::string_view name, absl::string_view text)
      : name(name), text(text) {}
  EventField(absl::string_view name, const char* text)
      : EventField(name, absl::string_view(text)) {}
  EventField(absl::string_view name, double number)
      : name(name), number(number), is_number(true) {}
  EventField(absl::string_view name, int64_t number)
      : EventField(name, static_cast<double>(number)) {}
  EventField(absl::string_view name, int number)
      : EventField(name, static_cast<double>(number)) {}
  std::string name;
  std::string text;
  double number = 0;
  bool is_number = false;
};

class EventLog {
 public:
  static absl::StatusOr<EventLog> Open(absl::string_view directory);
  // {"time": "...Z", "unix": s, "event": kind, fields...}. A full disk does not
  // end a run: the first failure is reported on stderr, later ones are not.
  void Add(absl::string_view kind, const std::vector<EventField>& fields);

 private:
  explicit EventLog(File file) : file_(std::move(file)) {}
  File file_;
  bool failed_ = false;
};

// An event as read back.
struct Event {
  double unix_seconds = 0;
  std::string kind;
  std::vector<EventField> fields;
  // 0 or "" where there is none of this name.
  double Number(absl::string_view name) const;
  std::string Text(absl::string_view name) const;
};
// A torn last line is left out; any other unreadable line is DataLoss.
absl::StatusOr<std::vector<Event>> ReadEvents(absl::string_view directory);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_EVENT_LOG_H_
