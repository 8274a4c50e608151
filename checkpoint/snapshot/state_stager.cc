#include "checkpoint/snapshot/state_stager.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/device/streaming_copy.h"

namespace perdure {
namespace {

// Less than this is not worth a second thread.
constexpr int64_t kGrain = int64_t{1} << 20;

}  // namespace

uint64_t StateStager::BytesOf(size_t range) const {
  const StateRange& r = ranges_[range];
  return static_cast<uint64_t>(r.end - r.begin) *
         static_cast<uint64_t>(SizeOf(tensors_[r.tensor].dtype));
}

absl::Status StateStager::OpenChunk() {
  const WriteChunk& chunk = list_.chunks[chunk_];
  // As far into its page as in the file, so that whole pages of the file are
  // whole pages here.
  const uint64_t into = chunk.offset % kPageBytes;
  char* room = pool_.Acquire(into + chunk.bytes, options_.deadline);
  if (room == nullptr) {
    return absl::DeadlineExceededError(
        "no room in the pool for snapshots: the disk takes nothing any more; "
        "raise snapshot.drain_seconds if it is only slow");
  }
  room_ = room + into;
  filled_ = 0;
  return absl::OkStatus();
}

absl::Status StateStager::Take(size_t range, uint64_t offset, const void* data,
                               uint64_t bytes) {
  if (range != range_ || range >= ranges_.size() || offset != taken_ ||
      bytes > BytesOf(range) - offset) {
    return absl::InternalError(
        absl::StrCat("bytes ", offset, " to ", offset + bytes, " of range ",
                     range, " were given, when byte ", taken_, " of range ",
                     range_, " was to come"));
  }
  const char* source = static_cast<const char*>(data);
  for (uint64_t left = bytes; left > 0;) {
    if (room_ == nullptr) RETURN_IF_ERROR(OpenChunk());
    const WriteChunk& chunk = list_.chunks[chunk_];
    const uint64_t part = std::min(left, chunk.bytes - filled_);
    char* target = room_ + filled_;
    ParallelFor(options_.stream, static_cast<int64_t>(part), kGrain,
                [&](int64_t begin, int64_t end) {
                  StreamingCopy(target + begin, source + begin,
                                static_cast<uint64_t>(end - begin));
                });
    source += part;
    left -= part;
    filled_ += part;
    if (filled_ == chunk.bytes) {
      writer_.Submit(chunk_++, room_);
      room_ = nullptr;
      if (options_.stop_on_failure) RETURN_IF_ERROR(writer_.status());
    }
  }
  taken_ += bytes;
  if (taken_ == BytesOf(range)) {
    ++range_;
    taken_ = 0;
  }
  return absl::OkStatus();
}

absl::Status StateStager::Finish() const {
  if (range_ == ranges_.size()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(
      "only ", range_, " of ", ranges_.size(), " ranges were given"));
}

}  // namespace perdure
