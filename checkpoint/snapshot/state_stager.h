#ifndef PERDURE_CHECKPOINT_SNAPSHOT_STATE_STAGER_H_
#define PERDURE_CHECKPOINT_SNAPSHOT_STATE_STAGER_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "checkpoint/snapshot/chunk_writer.h"
#include "checkpoint/snapshot/staging_pool.h"
#include "checkpoint/snapshot/write_list.h"
#include "runtime/device/device.h"
#include "runtime/state/state_map.h"

namespace perdure {

// Copies a rank's ranges into the pool, chunk by chunk, and passes each full
// chunk on to the writer. Ranges come in order, so only one chunk is open.
class StateStager : public StateSink {
 public:
  struct Options {
    StreamView stream;             // its threads share the copying
    absl::Time deadline;           // of waiting for room
    bool stop_on_failure = false;  // Take returns the writer's
  };
  // All outlive it.
  StateStager(const SnapshotPlan& plan, size_t rank, const WriteList& list,
              const Options& options, StagingPool& pool, ChunkWriter& writer)
      : ranges_(plan.map.ranges[rank]),
        tensors_(plan.map.tensors),
        list_(list),
        options_(options),
        pool_(pool),
        writer_(writer) {}

  // Internal if a range is given out of order; DeadlineExceeded if the disk
  // takes nothing any more.
  absl::Status Take(size_t range, uint64_t offset, const void* data,
                    uint64_t bytes) override;
  // Internal unless all ranges were given.
  absl::Status Finish() const;

 private:
  uint64_t BytesOf(size_t range) const;
  absl::Status OpenChunk();

  const std::vector<StateRange>& ranges_;
  const std::vector<StateTensor>& tensors_;
  const WriteList& list_;
  const Options options_;
  StagingPool& pool_;
  ChunkWriter& writer_;
  size_t range_ = 0;     // that is being taken
  uint64_t taken_ = 0;   // bytes of it
  size_t chunk_ = 0;     // that is being filled
  uint64_t filled_ = 0;  // bytes of it
  char* room_ = nullptr;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_SNAPSHOT_STATE_STAGER_H_
