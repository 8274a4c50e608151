#ifndef PERDURE_CHECKPOINT_CONVERT_RESUMABLE_STORAGE_H_
#define PERDURE_CHECKPOINT_CONVERT_RESUMABLE_STORAGE_H_

// A storage on which a write that was interrupted goes on: the temporary
// directory survives, and tensors that are whole in it are not written again.
// It knows nothing of formats: it sees where the bytes of a tensor go.

#include <map>
#include <memory>
#include <string>

#include "checkpoint/convert/done_list.h"
#include "checkpoint/convert/paths.h"
#include "checkpoint/format/forwarding_storage.h"
#include "runtime/base/status.h"

namespace perdure {

class ResumableStorage : public ForwardingStorage {
 public:
  // Looks at what an earlier conversion of the same `fingerprint` left in the
  // temporary directory of `target`: each listed tensor is read, and counts
  // only if its checksum is right. All else in there is removed.
  static absl::StatusOr<std::unique_ptr<ResumableStorage>> Start(
      Storage& storage, const NewDirectory& target,
      absl::string_view fingerprint);

  // The bytes that are written from here on are those of this tensor. Null, or
  // where it is already.
  const DoneTensor* Begin(const std::string& tensor);
  // Its bytes have all been handed out; their checksum.
  absl::Status End(uint64_t bytes, uint64_t checksum);
  // Bytes of a tensor that is there already.
  absl::Status ReadBack(const DoneTensor& done, uint64_t offset, void* data,
                        size_t size);
  // All is done: the list goes. Without, it stays for the next time.
  absl::Status Finish();
  size_t adopted() const { return adopted_.size(); }
  uint64_t adopted_bytes() const;

  absl::StatusOr<std::unique_ptr<StorageFile>> Create(
      absl::string_view path) override;
  absl::StatusOr<std::unique_ptr<StorageFile>> Open(
      absl::string_view path) override;
  // Of the temporary directory: only where nothing in it is worth keeping.
  absl::Status RemoveTree(absl::string_view path) override;
  // What the temporary directory takes already counts as free.
  absl::StatusOr<uint64_t> FreeBytes(absl::string_view path) override;

 private:
  class WatchedFile;
  ResumableStorage(Storage& storage, std::string directory, DoneList list)
      : ForwardingStorage(storage),
        directory_(std::move(directory)),
        list_(std::move(list)) {}
  void Adopt();
  absl::Status RemoveOthers();
  bool IsWhole(const DoneTensor& done);
  // Whether the bytes are there already.
  bool Skips(const std::string& file, uint64_t offset, size_t size) const;
  void Saw(const std::string& file, uint64_t offset, size_t size);

  const std::string directory_;
  DoneList list_;
  std::map<std::string, DoneTensor> adopted_;
  std::map<std::string, File> files_;  // for reading back
  std::string tensor_;                 // begun; "" for none
  DoneTensor written_;                 // of it so far
  size_t added_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_RESUMABLE_STORAGE_H_
