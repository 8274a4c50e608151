#include "checkpoint/format/block_file.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "checkpoint/format/checksum.h"

namespace perdure {
namespace {

constexpr uint64_t kReadBytes = 4 * kBlockBytes;

// `bytes` bytes of elements at `source`, at any address, to `target`.
void Convert(DType stored, const char* source, uint64_t bytes, DType wanted,
             char* target) {
  if (stored == wanted) {
    std::memcpy(target, source, bytes);
    return;
  }
  const auto size = static_cast<uint64_t>(SizeOf(stored));
  // A foreign file may put elements at any byte.
  std::vector<uint64_t> aligned;
  if (reinterpret_cast<uintptr_t>(source) % size != 0) {
    aligned.resize(bytes / sizeof(uint64_t) + 1);
    std::memcpy(aligned.data(), source, bytes);
    source = reinterpret_cast<const char*>(aligned.data());
  }
  ConvertElements(stored, source, wanted, target,
                  static_cast<int64_t>(bytes / size));
}

}  // namespace

BlockFile::BlockFile(File file, std::vector<FileBlock> blocks,
                     std::function<std::string(int32_t)> label_name)
    : file_(std::move(file)),
      blocks_(std::move(blocks)),
      label_name_(std::move(label_name)) {
  std::sort(blocks_.begin(), blocks_.end(),
            [](const FileBlock& a, const FileBlock& b) {
              return a.offset < b.offset;
            });
}

absl::Status BlockFile::Check(const FileBlock& block, const char* data) const {
  if (!block.checksum.has_value()) return absl::OkStatus();
  const uint64_t found = Checksum(data, block.bytes);
  if (found == *block.checksum) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat(
      "%s: %s is damaged: the %d bytes at %d have checksum %016x instead of "
      "%016x; use an older snapshot",
      path(), block.label < 0 ? "its structure" : label_name_(block.label),
      block.bytes, block.offset, found, *block.checksum));
}

uint64_t BlockFile::BytesOf(size_t first, size_t last) const {
  return EndOf(last) - blocks_[first].offset;
}

bool BlockFile::Follows(size_t first, size_t last, size_t block) const {
  return block == last + 1 && blocks_[block].offset == EndOf(last) &&
         BytesOf(first, block) <= kReadBytes;
}

absl::Status BlockFile::ReadRun(size_t first, size_t end, char* pages) const {
  const uint64_t in_page = OffsetInPage(first);
  const uint64_t bytes = in_page + BytesOf(first, end - 1);
  const uint64_t begin = blocks_[first].offset - in_page;
  if (!direct_.is_open()) {
    return file_.ReadAt(begin + in_page, pages + in_page, bytes - in_page);
  }
  // The last page may be that of the end of the file.
  const uint64_t whole = (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  const absl::StatusOr<size_t> direct = direct_.ReadUpTo(begin, pages, whole);
  // Some file systems take the flag and then refuse the reads.
  const size_t done = direct.ok() ? *direct : 0;
  if (done >= bytes) return absl::OkStatus();
  return file_.ReadAt(begin + done, pages + done, bytes - done);
}

absl::Status BlockFile::CheckRun(size_t first, size_t end,
                                 const char* pages) const {
  return CheckBlocks(first, end, pages + OffsetInPage(first));
}

absl::Status BlockFile::CheckBlocks(size_t first, size_t end,
                                    const char* data) const {
  for (size_t i = first; i < end; ++i) {
    RETURN_IF_ERROR(
        Check(blocks_[i], data + (blocks_[i].offset - blocks_[first].offset)));
  }
  return absl::OkStatus();
}

absl::Status BlockFile::ReadBlocks(size_t first, size_t end, char* data) const {
  RETURN_IF_ERROR(
      file_.ReadAt(blocks_[first].offset, data, BytesOf(first, end - 1)));
  return CheckBlocks(first, end, data);
}

absl::Status BlockFile::CutOne(const FileRows& from, size_t fetch,
                               std::vector<Piece>* pieces) const {
  const uint64_t end = from.end();
  auto block = std::upper_bound(
      blocks_.begin(), blocks_.end(), from.begin,
      [](uint64_t at, const FileBlock& b) { return at < b.offset + b.bytes; });
  for (uint64_t covered = from.begin; covered < end; ++block) {
    const uint64_t next = block == blocks_.end() ? end : block->offset;
    // Between blocks there may be no row.
    if (const auto [row, last] = from.RowsIn(covered, next); row < last) {
      return absl::DataLossError(
          absl::StrCat(path(), ": byte ", std::max(covered, from.BeginOf(row)),
                       " is in no block, so it cannot be checked"));
    }
    if (next >= end) break;
    covered = block->offset + block->bytes;
    if (!from.HasBytesIn(block->offset, covered)) continue;
    pieces->push_back({static_cast<size_t>(block - blocks_.begin()), fetch});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<BlockFile::Piece>> BlockFile::Cut(
    const std::vector<Fetch>& fetches) const {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < fetches.size(); ++i) {
    RETURN_IF_ERROR(CutOne(fetches[i].from, i, &pieces));
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return std::tie(a.block, a.fetch) < std::tie(b.block, b.fetch);
  });
  return pieces;
}

void BlockFile::Deliver(const Fetch& fetch, size_t block,
                        const char* data) const {
  const uint64_t block_begin = blocks_[block].offset;
  const auto [first, last] = fetch.from.RowsIn(block_begin, EndOf(block));
  for (uint64_t row = first; row < last; ++row) {
    const uint64_t row_begin = fetch.from.BeginOf(row);
    const uint64_t begin = std::max(block_begin, row_begin);
    const uint64_t end = std::min(EndOf(block), row_begin + fetch.from.bytes);
    const auto skipped =
        static_cast<int64_t>(begin - row_begin) / SizeOf(fetch.stored);
    Convert(fetch.stored, data + (begin - block_begin), end - begin,
            fetch.wanted,
            fetch.target + static_cast<int64_t>(row) * fetch.target_stride +
                skipped * SizeOf(fetch.wanted));
  }
}

absl::Status BlockFile::Read(const std::vector<Fetch>& fetches) const {
  ASSIGN_OR_RETURN(const std::vector<Piece> pieces, Cut(fetches));
  std::vector<char> buffer;
  for (size_t i = 0; i < pieces.size();) {
    const size_t first = pieces[i].block;
    size_t last = first;
    size_t end = i + 1;
    while (end < pieces.size() && (pieces[end].block == last ||
                                   Follows(first, last, pieces[end].block))) {
      last = pieces[end++].block;
    }
    buffer.resize(BytesOf(first, last));
    RETURN_IF_ERROR(ReadBlocks(first, last + 1, buffer.data()));
    for (; i < end; ++i) {
      const auto [block, fetch] = pieces[i];
      Deliver(fetches[fetch], block,
              buffer.data() + (blocks_[block].offset - blocks_[first].offset));
    }
  }
  return absl::OkStatus();
}

absl::Status BlockFile::ForEach(
    absl::FunctionRef<absl::Status(uint64_t, const char*, uint64_t)> visit)
    const {
  std::vector<char> buffer;
  for (size_t first = 0; first < blocks_.size();) {
    size_t last = first;
    while (last + 1 < blocks_.size() && Follows(first, last, last + 1)) ++last;
    buffer.resize(BytesOf(first, last));
    RETURN_IF_ERROR(ReadBlocks(first, last + 1, buffer.data()));
    RETURN_IF_ERROR(visit(blocks_[first].offset, buffer.data(), buffer.size()));
    first = last + 1;
  }
  return absl::OkStatus();
}

}  // namespace perdure
