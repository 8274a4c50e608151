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
  return blocks_[last].offset + blocks_[last].bytes - blocks_[first].offset;
}

bool BlockFile::Follows(size_t first, size_t last, size_t block) const {
  const uint64_t end = blocks_[last].offset + blocks_[last].bytes;
  return block == last + 1 && blocks_[block].offset == end &&
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

absl::StatusOr<std::vector<BlockFile::Piece>> BlockFile::Cut(
    const std::vector<Fetch>& fetches) const {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < fetches.size(); ++i) {
    const Fetch& fetch = fetches[i];
    auto block = std::upper_bound(
        blocks_.begin(), blocks_.end(), fetch.offset,
        [](uint64_t at, const FileBlock& b) { return at < b.offset; });
    if (block != blocks_.begin()) --block;
    for (uint64_t done = 0; done < fetch.bytes; ++block) {
      const uint64_t at = fetch.offset + done;
      if (block == blocks_.end() || at < block->offset ||
          at >= block->offset + block->bytes) {
        return absl::DataLossError(absl::StrCat(
            path(), ": byte ", at, " is in no block, so it cannot be checked"));
      }
      const uint64_t begin = at - block->offset;
      const uint64_t bytes = std::min(block->bytes - begin, fetch.bytes - done);
      pieces.push_back({static_cast<size_t>(block - blocks_.begin()), begin,
                        bytes, i, done});
      done += bytes;
    }
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return std::tie(a.block, a.begin) < std::tie(b.block, b.begin);
  });
  return pieces;
}

void BlockFile::Deliver(const Fetch& fetch, const Piece& piece,
                        const char* source) {
  const int64_t size = SizeOf(fetch.stored);
  const int64_t elements = static_cast<int64_t>(piece.bytes) / size;
  char* target = fetch.target +
                 static_cast<int64_t>(piece.done) / size * SizeOf(fetch.wanted);
  if (fetch.stored == fetch.wanted) {
    std::memcpy(target, source, piece.bytes);
    return;
  }
  // A foreign file may put elements at any byte.
  std::vector<uint64_t> aligned;
  if (reinterpret_cast<uintptr_t>(source) % static_cast<uintptr_t>(size) != 0) {
    aligned.resize(piece.bytes / sizeof(uint64_t) + 1);
    std::memcpy(aligned.data(), source, piece.bytes);
    source = reinterpret_cast<const char*>(aligned.data());
  }
  ConvertElements(fetch.stored, source, fetch.wanted, target, elements);
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
      const Piece& piece = pieces[i];
      Deliver(fetches[piece.fetch], piece,
              buffer.data() + blocks_[piece.block].offset -
                  blocks_[first].offset + piece.begin);
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
