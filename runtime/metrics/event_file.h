#ifndef PERDURE_RUNTIME_METRICS_EVENT_FILE_H_
#define PERDURE_RUNTIME_METRICS_EVENT_FILE_H_

// A TensorBoard event file: Event messages (tensorboard_event.proto) in
// TFRecord framing, which is, little-endian,
//   uint64 length | uint32 masked crc of length | data | uint32 masked crc of
//   data

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace perdure {

struct Scalar {
  absl::string_view tag;
  double value;
};

class EventFile {
 public:
  // Creates a new file in `directory`, made if it is missing, whose name sorts
  // behind those of earlier processes. What older files there say of
  // `first_step` and later is void for the reader.
  static absl::StatusOr<EventFile> Create(absl::string_view directory,
                                          int64_t first_step);

  // Appends one event; it is with the operating system on return.
  absl::Status Write(int64_t step, const std::vector<Scalar>& scalars);
  const std::string& path() const { return file_.path(); }

 private:
  explicit EventFile(File file) : file_(std::move(file)) {}
  absl::Status WriteRecord(absl::string_view data);
  File file_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_METRICS_EVENT_FILE_H_
