// SnapshotReader: every byte against what the manifest says of it.

#include "absl/strings/str_format.h"
#include "checkpoint/format/checksum.h"
#include "checkpoint/snapshot/read_ahead.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "runtime/comm/memory_map.h"
#include "runtime/state/digest.h"

namespace perdure {
namespace {

// As for loading: a disk wants several requests, also while one is checked.
constexpr size_t kReaders = 4;

// Blocks [begin, end) of a file, neighbours that fit a window.
struct VerifyWindow {
  size_t file;
  size_t begin, end;
};

std::vector<VerifyWindow> WindowsOf(const std::vector<BlockFile>& files) {
  std::vector<VerifyWindow> windows;
  for (size_t file = 0; file < files.size(); ++file) {
    const std::vector<FileBlock>& blocks = files[file].blocks();
    for (size_t i = 0; i < blocks.size(); ++i) {
      const bool follows = !windows.empty() && windows.back().file == file &&
                           blocks[i].offset + blocks[i].bytes -
                                   blocks[windows.back().begin].offset <=
                               2 * kBlockBytes;
      if (follows) {
        windows.back().end = i + 1;
      } else {
        windows.push_back({file, i, i + 1});
      }
    }
  }
  return windows;
}

}  // namespace

absl::Status SnapshotReader::Verify(
    const std::function<void(uint64_t, uint64_t)>& progress) {
  const uint64_t total = TotalBytes();
  const std::vector<VerifyWindow> windows = WindowsOf(files_);
  const size_t slots = kReaders + 1;
  ASSIGN_OR_RETURN(const MemoryMap memory,
                   MemoryMap::Touched(slots * kWindowBytes));
  // Of the blocks of each window, by slot; their sums add up in any order.
  std::vector<std::vector<std::pair<size_t, uint64_t>>> parts(slots);
  const auto check = [&](size_t round) -> absl::Status {
    const auto [number, begin, end] = windows[round];
    const BlockFile& file = files_[number];
    char* pages = memory.data() + round % slots * kWindowBytes;
    RETURN_IF_ERROR(file.ReadRun(begin, end, pages));
    RETURN_IF_ERROR(file.CheckRun(begin, end, pages));
    const char* data = pages + file.OffsetInPage(begin);
    parts[round % slots].clear();
    for (size_t i = begin; i < end; ++i) {
      const FileBlock& block = file.blocks()[i];
      if (block.label >= 0) {
        const auto label = static_cast<size_t>(block.label);
        const StoredTensor& tensor = index_.tensors()[label];
        const auto size = static_cast<uint64_t>(SizeOf(tensor.dtype));
        parts[round % slots].emplace_back(
            label,
            Digest(tensor.dtype, data, block.element, block.bytes / size));
      }
      data += block.bytes;
    }
    return absl::OkStatus();
  };
  uint64_t done = 0;
  std::vector<uint64_t> digests(index_.tensors().size());
  ReadAhead reads(kReaders, windows.size(), slots, check);
  for (size_t round = 0; round < windows.size(); ++round) {
    RETURN_IF_ERROR(reads.Wait(round));
    for (const auto& [label, sum] : parts[round % slots]) digests[label] += sum;
    reads.Allow(round + 1 + slots);
    const auto [number, begin, end] = windows[round];
    for (size_t i = begin; i < end; ++i) {
      done += files_[number].blocks()[i].bytes;
    }
    if (progress) progress(done, total);
  }
  return CheckDigests(digests);
}

absl::Status SnapshotReader::CheckDigests(
    const std::vector<uint64_t>& found) const {
  for (size_t i = 0; i < found.size(); ++i) {
    const StoredTensor& tensor = index_.tensors()[i];
    if (!digests_[i].has_value() || !tensor.alias_of.empty() ||
        *digests_[i] == found[i]) {
      continue;
    }
    return absl::DataLossError(absl::StrFormat(
        "%s: %s %s has digest %016x instead of %016x; use an older snapshot",
        tensor.parts.empty() ? files_[tensor.file].path() : dir_,
        StateKindName(tensor.kind), tensor.name, found[i], *digests_[i]));
  }
  return absl::OkStatus();
}

}  // namespace perdure
