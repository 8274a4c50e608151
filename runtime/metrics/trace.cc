#include "runtime/metrics/trace.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

const char* LaneName(Trace::Lane lane) {
  return lane == Trace::Lane::kCompute ? "compute" : "communication";
}

// A metadata event ("ph":"M") that sets one property of a process or thread.
std::string Metadata(absl::string_view property, int process, int thread,
                     absl::string_view argument) {
  return absl::StrCat("{\"ph\":\"M\",\"name\":\"", property,
                      "\",\"pid\":", process, ",\"tid\":", thread,
                      ",\"args\":{", argument, "}}");
}

}  // namespace

int64_t Trace::Now() { return absl::ToUnixMicros(absl::Now()); }

void Trace::Add(Lane lane, absl::string_view name, int64_t begin_us,
                int64_t end_us, int64_t micro_batch) {
  if (!enabled_) return;
  events_.push_back({lane, std::string(name), begin_us, end_us, micro_batch});
}

std::string Trace::ToJson(int rank, absl::string_view label) const {
  std::vector<std::string> objects;
  objects.reserve(events_.size() + 4);
  objects.push_back(Metadata("process_name", rank, 0,
                             absl::StrCat("\"name\":", JsonString(label))));
  objects.push_back(Metadata("process_sort_index", rank, 0,
                             absl::StrCat("\"sort_index\":", rank)));
  for (const Lane lane : {Lane::kCompute, Lane::kCommunication}) {
    objects.push_back(
        Metadata("thread_name", rank, static_cast<int>(lane),
                 absl::StrCat("\"name\":\"", LaneName(lane), "\"")));
  }
  for (const Event& event : events_) {
    std::string object = absl::StrCat(
        "{\"ph\":\"X\",\"name\":", JsonString(event.name), ",\"cat\":\"",
        LaneName(event.lane), "\",\"pid\":", rank,
        ",\"tid\":", static_cast<int>(event.lane), ",\"ts\":", event.begin,
        ",\"dur\":", event.end - event.begin);
    if (event.micro_batch >= 0) {
      absl::StrAppend(&object, ",\"args\":{\"micro_batch\":", event.micro_batch,
                      "}");
    }
    objects.push_back(absl::StrCat(object, "}"));
  }
  return absl::StrJoin(objects, ",\n");
}

absl::Status WriteTrace(absl::string_view path,
                        const std::vector<std::string>& parts) {
  return WriteFileAtomically(
      path, absl::StrCat("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n",
                         absl::StrJoin(parts, ",\n"), "\n]}\n"));
}

}  // namespace perdure
