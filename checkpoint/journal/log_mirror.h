#ifndef PERDURE_CHECKPOINT_JOURNAL_LOG_MIRROR_H_
#define PERDURE_CHECKPOINT_JOURNAL_LOG_MIRROR_H_

// The second copy of a log that is being written, on another node: the writer
// sends the bytes, the keeper writes the same ones to its own run directory and
// says when they are there. On a communicator of these two, of which the writer
// is rank 0.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "checkpoint/format/storage.h"
#include "runtime/comm/communicator.h"

namespace perdure {

// The writer's side. An error of the keeper names its host and path.
class LogMirror {
 public:
  LogMirror(Communicator* pair, absl::string_view keeper_host)
      : pair_(pair), keeper_host_(keeper_host) {}

  // gen-<generation>.log with these first bytes, durably. AlreadyExists where
  // there is one: another launch has begun.
  absl::Status Create(int64_t generation, absl::string_view bytes);
  // Between the two calls the keeper writes, and so may the caller. On return
  // of EndAppend the bytes are written, all so far durable if `durable`, and
  // there was no newer generation on the keeper's node (else AlreadyExists).
  absl::Status BeginAppend(uint64_t offset, absl::string_view bytes,
                           bool durable);
  absl::Status EndAppend();
  // Ends LogKeeper::Serve.
  absl::Status Release();

 private:
  Communicator* pair_;
  const std::string keeper_host_;
};

class LogKeeper {
 public:
  LogKeeper(Communicator* pair, Storage* storage, absl::string_view run_dir)
      : pair_(pair), storage_(storage), run_dir_(run_dir) {}

  // Takes down how long the logs of the run directory are. A log is refused
  // (AlreadyExists) if since then another has come or grown: a launch of the
  // run is alive.
  absl::Status Watch();
  // But of this one it is known, and how long it is now.
  void Expect(int64_t generation, uint64_t bytes) {
    sizes_[generation] = bytes;
  }

  // Does what the writer says, until it releases. Errors of the disk are the
  // writer's to tell; one comes back only if the two cannot talk.
  absl::Status Serve();

 private:
  absl::Status Create(int64_t generation, absl::string_view bytes);
  absl::Status Append(uint64_t offset, absl::string_view bytes, bool durable);

  Communicator* pair_;
  Storage* storage_;
  const std::string run_dir_;
  std::map<int64_t, uint64_t> sizes_;  // of logs, by generation
  int64_t generation_ = 0;
  std::unique_ptr<StorageFile> file_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_LOG_MIRROR_H_
