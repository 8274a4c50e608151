#include "launcher/supervisor/event_log.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace perdure {
namespace {

constexpr char kName[] = "events.jsonl";

Event FromJson(const nlohmann::json& json) {
  Event event;
  for (const auto& [name, value] : json.items()) {
    if (name == "unix") {
      event.unix_seconds = value.get<double>();
    } else if (name == "event") {
      event.kind = value.get<std::string>();
    } else if (value.is_number()) {
      event.fields.emplace_back(name, value.get<double>());
    } else if (value.is_string()) {
      event.fields.emplace_back(name, value.get<std::string>());
    }
  }
  return event;
}

const EventField* Find(const Event& event, absl::string_view name) {
  for (const EventField& field : event.fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<EventLog> EventLog::Open(absl::string_view directory) {
  ASSIGN_OR_RETURN(File file,
                   File::Open(JoinPath(directory, kName), File::Mode::kAppend));
  return EventLog(std::move(file));
}

void EventLog::Add(absl::string_view kind,
                   const std::vector<EventField>& fields) {
  const absl::Time now = absl::Now();
  nlohmann::ordered_json json;
  json["time"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone());
  json["unix"] = absl::ToDoubleSeconds(now - absl::UnixEpoch());
  json["event"] = std::string(kind);
  for (const EventField& field : fields) {
    if (!field.is_number) {
      json[field.name] = field.text;
    } else if (field.number ==
               static_cast<double>(static_cast<int64_t>(field.number))) {
      json[field.name] = static_cast<int64_t>(field.number);
    } else {
      json[field.name] = field.number;
    }
  }
  // Output of programs may be any bytes.
  const std::string line =
      json.dump(-1, ' ', false,
                nlohmann::ordered_json::error_handler_t::replace) +
      "\n";
  const absl::Status written = file_.Write(line.data(), line.size());
  if (!written.ok() && !failed_) {
    failed_ = true;
    std::fprintf(stderr, "perdure-launch: warning: events are lost: %s\n",
                 std::string(written.message()).c_str());
  }
}

double Event::Number(absl::string_view name) const {
  const EventField* field = Find(*this, name);
  return field == nullptr ? 0 : field->number;
}

std::string Event::Text(absl::string_view name) const {
  const EventField* field = Find(*this, name);
  return field == nullptr ? "" : field->text;
}

absl::StatusOr<std::vector<Event>> ReadEvents(absl::string_view directory) {
  const std::string path = JoinPath(directory, kName);
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  std::vector<Event> events;
  const size_t whole = text.rfind('\n') + 1;  // 0 if there is none
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(
           absl::string_view(text).substr(0, whole), '\n', absl::SkipEmpty())) {
    ++number;
    const nlohmann::json json =
        nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
    if (!json.is_object() || !json.contains("unix") ||
        !json["unix"].is_number() || !json.contains("event") ||
        !json["event"].is_string()) {
      return absl::DataLossError(absl::StrCat(path, ":", number, ": no event"));
    }
    events.push_back(FromJson(json));
  }
  return events;
}

}  // namespace perdure
