#ifndef PERDURE_CHECKPOINT_JOURNAL_FRAMES_H_
#define PERDURE_CHECKPOINT_JOURNAL_FRAMES_H_

// How messages lie in a log: magic "PERDJRN1", then frames
//   length (4, of the payload)  checksum (8)  payload
// little-endian. A checksum covers the payload, its length, its place and the
// header, so that a frame is good only where it was written. It is
//   XXH3-64(key (8)  offset of the frame (8)  XXH3-64(payload) (8)  length (4))
// where the key is the first frame's checksum, and 0 for the first frame.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace perdure {

inline constexpr absl::string_view kJournalMagic = "PERDJRN1";
inline constexpr uint64_t kFrameHead = 12;
// A length above this is no length.
inline constexpr uint32_t kMaxPayload = uint32_t{1} << 26;

// Appends to *out a frame that goes to `offset` of a file; its checksum.
uint64_t AppendFrame(uint64_t key, uint64_t offset, absl::string_view payload,
                     std::string* out);

struct Frame {
  absl::string_view payload;
  uint64_t checksum = 0;
  uint64_t end = 0;  // offset behind it
};
// The frame at `offset` of a file; nothing unless it is whole and good.
std::optional<Frame> ReadFrame(absl::string_view file, uint64_t offset,
                               uint64_t key);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_FRAMES_H_
