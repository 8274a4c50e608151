#ifndef PERDURE_CHECKPOINT_CONVERT_DONE_LIST_H_
#define PERDURE_CHECKPOINT_CONVERT_DONE_LIST_H_

// Which tensors of an unfinished conversion are written, so that the next one
// goes on: a text file beside the temporary directory, a line a tensor.

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace perdure {

struct DoneTensor {
  std::string file;  // in the temporary directory
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t checksum = 0;  // ChecksumChain of its bytes
};

// XXH3-64 of the checksums of a tensor's blocks of 1 MiB, added in order.
class ChecksumChain {
 public:
  void Add(const void* block, size_t size);
  uint64_t value() const;

 private:
  std::string checksums_;
};

class DoneList {
 public:
  // The entries of the list at `path`, if it is of the same conversion
  // (`fingerprint`); otherwise a new one is begun there.
  static absl::StatusOr<DoneList> Open(const std::string& path,
                                       absl::string_view fingerprint);
  const std::map<std::string, DoneTensor>& found() const { return found_; }
  // Survives the end of the process, not of the machine: then checksums tell.
  absl::Status Add(const std::string& tensor, const DoneTensor& done);
  const std::string& path() const { return file_.path(); }

 private:
  File file_;
  std::map<std::string, DoneTensor> found_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_DONE_LIST_H_
