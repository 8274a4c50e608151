#include "runtime/metrics/event_file.h"

#include <unistd.h>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/metrics/crc32c.h"
#include "runtime/metrics/tensorboard_event.pb.h"

namespace perdure {
namespace {

std::string HostName() {
  char name[256] = {};
  // The last byte stays 0: a name that is too long may come unterminated.
  return gethostname(name, sizeof(name) - 1) == 0 && name[0] ? name : "host";
}

tensorboard::Event MakeEvent(int64_t step) {
  tensorboard::Event event;
  event.set_wall_time(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
  event.set_step(step);
  return event;
}

void AppendLittleEndian(uint64_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) {
    out->push_back(static_cast<char>(value >> (8 * i)));
  }
}

// Seconds first, as TensorBoard reads the files of a directory in name order;
// the counter keeps two files of one second apart.
absl::StatusOr<File> CreateUnused(absl::string_view directory) {
  const std::string stem =
      absl::StrFormat("%s/events.out.tfevents.%010d.%s.%d", directory,
                      absl::ToUnixSeconds(absl::Now()), HostName(), getpid());
  for (int count = 0;; ++count) {
    const std::string path = absl::StrFormat("%s.%d", stem, count);
    if (FileExists(path)) continue;
    return File::Open(path, File::Mode::kCreateNew);
  }
}

}  // namespace

absl::StatusOr<EventFile> EventFile::Create(absl::string_view directory,
                                            int64_t first_step) {
  RETURN_IF_ERROR(CreateDirectories(directory));
  ASSIGN_OR_RETURN(File file, CreateUnused(directory));
  EventFile event_file(std::move(file));
  tensorboard::Event version = MakeEvent(0);
  version.set_file_version("brain.Event:2");
  RETURN_IF_ERROR(event_file.WriteRecord(version.SerializeAsString()));
  tensorboard::Event start = MakeEvent(first_step);
  start.mutable_session_log()->set_status(tensorboard::SessionLog::START);
  RETURN_IF_ERROR(event_file.WriteRecord(start.SerializeAsString()));
  return event_file;
}

absl::Status EventFile::Write(int64_t step,
                              const std::vector<Scalar>& scalars) {
  tensorboard::Event event = MakeEvent(step);
  for (const Scalar& scalar : scalars) {
    tensorboard::Summary::Value* value = event.mutable_summary()->add_value();
    value->set_tag(scalar.tag.data(), scalar.tag.size());
    value->set_simple_value(static_cast<float>(scalar.value));
  }
  return WriteRecord(event.SerializeAsString());
}

absl::Status EventFile::WriteRecord(absl::string_view data) {
  std::string record;
  record.reserve(data.size() + 16);
  AppendLittleEndian(data.size(), 8, &record);
  AppendLittleEndian(MaskedCrc32c(record), 4, &record);
  record.append(data.data(), data.size());
  AppendLittleEndian(MaskedCrc32c(data), 4, &record);
  return file_.Write(record.data(), record.size());
}

}  // namespace perdure
