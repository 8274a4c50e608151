#ifndef PERDURE_CHECKPOINT_FOREIGN_ZIP_ARCHIVE_H_
#define PERDURE_CHECKPOINT_FOREIGN_ZIP_ARCHIVE_H_

// Zip files whose entries are stored, not compressed, as torch.save writes
// them. The wrapper of libzip. Not for several threads at once.

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace perdure {

class ZipArchive {
 public:
  struct Entry {
    uint64_t index = 0;
    uint64_t bytes = 0;
    std::string problem;  // why it cannot be read: compressed, encrypted
  };

  // FailedPrecondition for what is no zip file; DataLoss for a damaged one.
  static absl::StatusOr<std::unique_ptr<ZipArchive>> Open(
      const std::string& path);
  ~ZipArchive();
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  const std::string& path() const { return path_; }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  // Bytes of an entry. One that is read in order to its end is compared with
  // the archive's CRC-32 then.
  absl::Status ReadAt(const std::string& name, uint64_t offset, void* data,
                      size_t size);

 private:
  struct Handles;
  explicit ZipArchive(std::string path);
  absl::Status ReadEntries();
  absl::Status OpenEntry(const std::string& name);
  absl::Status Damaged(const std::string& name, uint64_t offset, size_t size,
                       absl::string_view why) const;

  const std::string path_;
  std::unique_ptr<Handles> handles_;
  std::map<std::string, Entry> entries_;
  std::string open_name_;  // the entry that is open; "" for none
  uint64_t position_ = 0;  // in it
};

// The archives used last, so that a checkpoint of thousands of files needs few
// descriptors.
class ZipPool {
 public:
  // Valid until the next call.
  absl::StatusOr<ZipArchive*> Get(const std::string& path);

 private:
  std::list<std::unique_ptr<ZipArchive>> recent_;  // last used first
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FOREIGN_ZIP_ARCHIVE_H_
