#include "checkpoint/snapshot/chunk_writer.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "checkpoint/format/checksum.h"
#include "runtime/base/file.h"
#include "runtime/state/digest.h"

namespace perdure {
namespace {

// One sums up while the other writes.
constexpr int kThreads = 2;

}  // namespace

struct ChunkWriter::State {
  explicit State(ChunkWriterTask given) : task(std::move(given)) {
    sums.checksums.resize(task.list->blocks.size());
    digests.resize(task.list->blocks.size());
    sums.digests.resize(task.list->extents.size());
    files.resize(names.size());
  }

  // Each thread fills in the places of its own chunks.
  void Sum(const WriteChunk& chunk, const char* data) {
    const WriteList& list = *task.list;
    for (size_t i = chunk.first_block; i < chunk.end_block; ++i) {
      const WriteBlock& block = list.blocks[i];
      const WriteExtent& extent = list.extents[block.extent];
      const DType dtype = task.plan->map.tensors[extent.tensor].dtype;
      const auto size = static_cast<uint64_t>(SizeOf(dtype));
      sums.checksums[i] = Checksum(data, block.bytes);
      digests[i] = Digest(
          dtype, data, static_cast<uint64_t>(extent.begin) + block.begin / size,
          block.bytes / size);
      data += block.bytes;
    }
  }

  absl::Status Write(size_t number, const char* data) {
    const WriteChunk& chunk = task.list->chunks[number];
    Sum(chunk, data);
    StorageFile* file = nullptr;
    {
      const std::lock_guard lock(opening);
      if (files[chunk.file] == nullptr) {
        ASSIGN_OR_RETURN(
            files[chunk.file],
            task.storage->Open(JoinPath(task.directory, names[chunk.file])));
      }
      file = files[chunk.file].get();
    }
    return file->WriteAt(chunk.offset, data, chunk.bytes);
  }

  absl::Status Sync() {
    for (const std::unique_ptr<StorageFile>& file : files) {
      if (file == nullptr) continue;
      RETURN_IF_ERROR(file->Sync());
      RETURN_IF_ERROR(file->Close());
    }
    return absl::OkStatus();
  }

  const ChunkWriterTask task;
  const std::vector<std::string> names = task.plan->WrittenFiles();
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::deque<std::pair<size_t, char*>> queue;
  size_t at_work = 0;    // chunks taken from the queue, not yet written
  bool closed = false;   // nothing more comes
  bool syncing = false;  // a thread has taken that on
  bool done = false;
  bool abandoned = false;
  absl::Status status;
  // Apart from `mutex`: a disk that hangs must not hold up those who ask.
  std::mutex opening;
  std::vector<std::unique_ptr<StorageFile>> files;  // by number, once open
  WrittenSums sums;
  std::vector<uint64_t> digests;  // by block
  std::vector<std::thread> threads;
};

ChunkWriter::ChunkWriter(ChunkWriterTask task, bool behind)
    : state_(std::make_shared<State>(std::move(task))), behind_(behind) {
  for (int i = 0; behind && i < kThreads; ++i) {
    state_->threads.emplace_back([state = state_] { Work(state); });
  }
}

ChunkWriter::~ChunkWriter() {
  Close();
  bool abandoned = false;
  {
    const std::lock_guard lock(state_->mutex);
    abandoned = state_->abandoned && !state_->done;
  }
  for (std::thread& thread : state_->threads) {
    if (abandoned) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

void ChunkWriter::Submit(size_t chunk, char* data) {
  if (!behind_) {
    if (state_->status.ok()) state_->status = state_->Write(chunk, data);
    state_->task.pool->Release(data);
    return;
  }
  const std::lock_guard lock(state_->mutex);
  state_->queue.emplace_back(chunk, data);
  state_->changed.notify_all();
}

void ChunkWriter::Close() {
  if (!behind_) {
    if (!state_->done && state_->status.ok()) state_->status = state_->Sync();
    state_->done = true;
    return;
  }
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->changed.notify_all();
}

bool ChunkWriter::done() const {
  const std::lock_guard lock(state_->mutex);
  return state_->done;
}

bool ChunkWriter::Wait(absl::Duration duration) const {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, absl::ToChronoNanoseconds(duration),
                                  [&] { return state_->done; });
}

void ChunkWriter::Abandon() {
  const std::lock_guard lock(state_->mutex);
  state_->abandoned = true;
}

absl::Status ChunkWriter::status() const {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

WrittenSums ChunkWriter::TakeSums() {
  const std::lock_guard lock(state_->mutex);
  for (size_t i = 0; i < state_->digests.size(); ++i) {
    state_->sums.digests[state_->task.list->blocks[i].extent] +=
        state_->digests[i];
  }
  return std::move(state_->sums);
}

void ChunkWriter::Work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  const auto unlocked = [&](const auto& work) {
    lock.unlock();
    absl::Status result = work();
    lock.lock();
    state->status.Update(result);
  };
  while (true) {
    state->changed.wait(lock,
                        [&] { return !state->queue.empty() || state->closed; });
    if (!state->queue.empty()) {
      const auto [chunk, data] = state->queue.front();
      state->queue.pop_front();
      ++state->at_work;
      if (state->status.ok()) {
        unlocked([&, chunk = chunk, data = data] {
          return state->Write(chunk, data);
        });
      }
      state->task.pool->Release(data);
      --state->at_work;
      continue;
    }
    // The one that finds all written syncs; the others have nothing to do.
    if (state->at_work > 0 || std::exchange(state->syncing, true)) return;
    if (state->status.ok()) unlocked([&] { return state->Sync(); });
    for (std::unique_ptr<StorageFile>& file : state->files) file.reset();
    state->done = true;
    state->changed.notify_all();
    return;
  }
}

}  // namespace perdure
