#include "runtime/data/mapped_tokens.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "glog/logging.h"

namespace perdure {
namespace {

constexpr int64_t kScanPiece = 1 << 16;

}  // namespace

MappedTokenFile::MappedTokenFile(absl::string_view path, MappedFile file,
                                 const TokenRange& range,
                                 std::vector<int64_t> documents,
                                 int32_t vocab_bound)
    : TokenFile(path),
      file_(std::move(file)),
      range_(range),
      documents_(std::move(documents)),
      vocab_bound_(vocab_bound) {
  if (vocab_bound_ < 0) vocab_bound_ = ScanBound();
}

void MappedTokenFile::Read(int64_t begin, int64_t n, int32_t* ids) const {
  CHECK(begin >= 0 && n >= 0 && begin + n <= range_.tokens)
      << path() << ": tokens [" << begin << ", " << begin + n << ") of "
      << range_.tokens;
  const uint8_t* from = file_.data() + range_.begin;
  if (range_.width == TokenWidth::kI32) {
    std::memcpy(ids, from + begin * 4, n * 4);
    return;
  }
  from += begin * 2;
  for (int64_t i = 0; i < n; ++i) {
    uint16_t id;  // by memcpy: Megatron and others promise no alignment
    std::memcpy(&id, from + i * 2, sizeof(id));
    ids[i] = id;
  }
}

int32_t MappedTokenFile::ScanBound() const {
  std::vector<int32_t> piece(kScanPiece);
  // Unsigned: an id that is negative as int32 must not look small.
  uint32_t largest = 0;
  for (int64_t at = 0; at < size(); at += kScanPiece) {
    const int64_t n = std::min(kScanPiece, size() - at);
    Read(at, n, piece.data());
    for (int64_t i = 0; i < n; ++i) {
      largest = std::max(largest, static_cast<uint32_t>(piece[i]));
    }
  }
  constexpr uint32_t kMost = std::numeric_limits<int32_t>::max();
  return size() == 0 ? 0
                     : static_cast<int32_t>(std::min(largest, kMost - 1) + 1);
}

}  // namespace perdure
