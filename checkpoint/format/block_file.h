#ifndef PERDURE_CHECKPOINT_FORMAT_BLOCK_FILE_H_
#define PERDURE_CHECKPOINT_FORMAT_BLOCK_FILE_H_

// A file that is read by whole blocks, each checked before a byte of it is
// used.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "checkpoint/format/file_rows.h"
#include "checkpoint/format/storage.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

struct FileBlock {
  uint64_t offset = 0;
  uint64_t bytes = 0;                // <= kBlockBytes
  std::optional<uint64_t> checksum;  // none: a foreign file, not checked
  int32_t label = -1;                // what it belongs to; -1: structure
  uint64_t element = 0;              // of that, the block's first
};

// Elements in rows of a file, wanted in rows of memory.
struct Fetch {
  FileRows from;
  DType stored = DType::kF32;
  DType wanted = DType::kF32;
  char* target = nullptr;     // of the first row
  int64_t target_stride = 0;  // from row to row, bytes
};

class BlockFile {
 public:
  // `blocks` do not overlap and elements do not straddle them. `label_name`
  // gives names for messages.
  BlockFile(File file, std::vector<FileBlock> blocks,
            std::function<std::string(int32_t)> label_name);

  // By ascending offset.
  const std::vector<FileBlock>& blocks() const { return blocks_; }
  const std::string& path() const { return file_.path(); }

  // Blocks [first, end), which are neighbours, to `data`, each checked.
  // DataLoss names file, tensor, offset.
  absl::Status ReadBlocks(size_t first, size_t end, char* data) const;

  // The same file, opened to be read around the page cache.
  void UseDirect(File direct) { direct_ = std::move(direct); }

  // A run: blocks [first, end), which are neighbours. It takes whole pages
  // (kPageBytes) of memory, its first byte being at its offset within a page.
  uint64_t OffsetInPage(size_t first) const {
    return blocks_[first].offset % kPageBytes;
  }
  // Reads a run into page-aligned memory, without a look at it.
  absl::Status ReadRun(size_t first, size_t end, char* pages) const;
  // As ReadBlocks does.
  absl::Status CheckRun(size_t first, size_t end, const char* pages) const;

  // A block that a fetch wants something of.
  struct Piece {
    size_t block;
    size_t fetch;
  };
  // All of them, by ascending block. DataLoss for bytes that are in no block.
  absl::StatusOr<std::vector<Piece>> Cut(
      const std::vector<Fetch>& fetches) const;
  // Puts what the fetch wants of a block, which is at `data`, to its place.
  void Deliver(const Fetch& fetch, size_t block, const char* data) const;

  // Reads each block that a fetch needs once, in file order, neighbours in one
  // call, at most 4 MiB at a time. DataLoss names file, tensor, offset.
  absl::Status Read(const std::vector<Fetch>& fetches) const;

  // All blocks in file order, checked: visit(offset, data, bytes).
  absl::Status ForEach(absl::FunctionRef<absl::Status(
                           uint64_t offset, const char* data, uint64_t bytes)>
                           visit) const;

 private:
  uint64_t EndOf(size_t block) const {
    return blocks_[block].offset + blocks_[block].bytes;
  }
  uint64_t BytesOf(size_t first, size_t last) const;  // of neighbours
  absl::Status Check(const FileBlock& block, const char* data) const;
  // Blocks [first, end), one behind the other at `data`.
  absl::Status CheckBlocks(size_t first, size_t end, const char* data) const;
  absl::Status CutOne(const FileRows& from, size_t fetch,
                      std::vector<Piece>* pieces) const;
  // Whether `block` can be read in one call with blocks first to last.
  bool Follows(size_t first, size_t last, size_t block) const;

  File file_;
  File direct_;  // not open: through the page cache
  std::vector<FileBlock> blocks_;
  std::function<std::string(int32_t)> label_name_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FORMAT_BLOCK_FILE_H_
