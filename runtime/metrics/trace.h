#ifndef PERDURE_RUNTIME_METRICS_TRACE_H_
#define PERDURE_RUNTIME_METRICS_TRACE_H_

// A Chrome/Perfetto trace of a few steps: a process per rank with lanes for
// compute and communication.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

// Collects events of one rank; off until Enable. One thread.
class Trace {
 public:
  enum class Lane { kCompute = 0, kCommunication = 1 };

  void Enable(bool on) { enabled_ = on; }
  bool enabled() const { return enabled_; }
  // Microseconds since the epoch of the system clock: comparable between the
  // ranks of a node.
  static int64_t Now();
  void Add(Lane lane, absl::string_view name, int64_t begin_us, int64_t end_us,
           int64_t micro_batch);
  // The events as Chrome trace objects, comma-separated, for rank `rank` called
  // `label`. Joined by one rank: WriteTrace.
  std::string ToJson(int rank, absl::string_view label) const;

 private:
  struct Event {
    Lane lane;
    std::string name;
    int64_t begin, end, micro_batch;
  };
  bool enabled_ = false;
  std::vector<Event> events_;
};

// One file from the parts of all ranks, by rename.
absl::Status WriteTrace(absl::string_view path,
                        const std::vector<std::string>& parts);

// Times a scope; `name` must outlive it. micro_batch -1: none. A disabled or
// null trace costs a branch.
class TraceScope {
 public:
  TraceScope(Trace* trace, Trace::Lane lane, absl::string_view name,
             int64_t micro_batch = -1)
      : trace_(trace != nullptr && trace->enabled() ? trace : nullptr),
        lane_(lane),
        name_(name),
        micro_batch_(micro_batch),
        begin_(trace_ ? Trace::Now() : 0) {}
  ~TraceScope() {
    if (trace_) trace_->Add(lane_, name_, begin_, Trace::Now(), micro_batch_);
  }
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  Trace* trace_;
  Trace::Lane lane_;
  absl::string_view name_;
  int64_t micro_batch_;
  int64_t begin_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_METRICS_TRACE_H_
