#include "checkpoint/journal/frames.h"

#include <bit>
#include <cstring>

#include "checkpoint/format/checksum.h"

namespace perdure {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are stored as they lie in memory");

uint64_t FrameChecksum(uint64_t key, uint64_t offset,
                       absl::string_view payload) {
  const uint64_t content = Checksum(payload.data(), payload.size());
  const uint32_t length = static_cast<uint32_t>(payload.size());
  char bytes[28];
  std::memcpy(bytes, &key, 8);
  std::memcpy(bytes + 8, &offset, 8);
  std::memcpy(bytes + 16, &content, 8);
  std::memcpy(bytes + 24, &length, 4);
  return Checksum(bytes, sizeof(bytes));
}

}  // namespace

uint64_t AppendFrame(uint64_t key, uint64_t offset, absl::string_view payload,
                     std::string* out) {
  const uint32_t length = static_cast<uint32_t>(payload.size());
  const uint64_t checksum = FrameChecksum(key, offset, payload);
  char head[kFrameHead];
  std::memcpy(head, &length, 4);
  std::memcpy(head + 4, &checksum, 8);
  out->append(head, sizeof(head));
  out->append(payload.data(), payload.size());
  return checksum;
}

std::optional<Frame> ReadFrame(absl::string_view file, uint64_t offset,
                               uint64_t key) {
  if (offset > file.size() || file.size() - offset < kFrameHead) {
    return std::nullopt;
  }
  uint32_t length = 0;
  Frame frame;
  std::memcpy(&length, file.data() + offset, 4);
  std::memcpy(&frame.checksum, file.data() + offset + 4, 8);
  // No message is empty: zeros, which a crash may leave, are no frame.
  if (length == 0 || length > kMaxPayload ||
      length > file.size() - offset - kFrameHead) {
    return std::nullopt;
  }
  frame.payload = file.substr(offset + kFrameHead, length);
  frame.end = offset + kFrameHead + length;
  if (frame.checksum != FrameChecksum(key, offset, frame.payload)) {
    return std::nullopt;
  }
  return frame;
}

}  // namespace perdure
