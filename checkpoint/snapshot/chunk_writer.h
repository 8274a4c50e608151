#ifndef PERDURE_CHECKPOINT_SNAPSHOT_CHUNK_WRITER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_CHUNK_WRITER_H_

// The threads that put a rank's staged chunks into the files, with checksums
// and digests, while training goes on. They never communicate.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/staging_pool.h"
#include "checkpoint/snapshot/write_list.h"
#include "runtime/base/status.h"

namespace perdure {

// What the threads work on. Shared, because a thread that hangs on a dead disk
// is left behind when the process gives up on it.
struct ChunkWriterTask {
  std::shared_ptr<Storage> storage;
  std::shared_ptr<StagingPool> pool;
  std::shared_ptr<const SnapshotPlan> plan;
  std::shared_ptr<const WriteList> list;
  std::string directory;  // where the files are
};

// What a rank tells of its extents, in the list's order.
struct WrittenSums {
  std::vector<uint64_t> checksums;  // by block
  std::vector<uint64_t> digests;    // by extent
};

class ChunkWriter {
 public:
  // `behind`: threads write; otherwise Submit does.
  ChunkWriter(ChunkWriterTask task, bool behind);
  // Waits for the threads, unless abandoned.
  ~ChunkWriter();
  ChunkWriter(const ChunkWriter&) = delete;
  ChunkWriter& operator=(const ChunkWriter&) = delete;

  // The chunk's bytes are at `data`, from the pool, which gets them back when
  // they are written. After a failure chunks are only given back.
  void Submit(size_t chunk, char* data);
  // No chunk follows: files are synced when the last one is written.
  void Close();

  bool done() const;
  // Whether it is done, at the latest after that time.
  bool Wait(absl::Duration duration) const;
  // The destructor is to leave threads that are still at work behind.
  void Abandon();
  // Once done: the first failure, or OK.
  absl::Status status() const;
  WrittenSums TakeSums();

 private:
  struct State;
  static void Work(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;
  const bool behind_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_CHUNK_WRITER_H_
