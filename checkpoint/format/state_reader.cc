#include "checkpoint/format/state_reader.h"

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"

namespace perdure {
namespace {

// Makes `next`, which has one row, the next row of `fetch`, if it can be that.
// Both are of one request.
bool Extend(Fetch* fetch, const Fetch& next) {
  FileRows* rows = &fetch->from;
  if (next.from.bytes != rows->bytes ||
      next.from.begin < rows->begin + rows->bytes) {
    return false;
  }
  if (rows->rows == 1) {
    // Rows are looked for in all blocks from the first to the last.
    if (next.from.begin - rows->begin > kBlockBytes) return false;
    rows->stride = next.from.begin - rows->begin;
    fetch->target_stride = next.target - fetch->target;
  } else if (next.from.begin != rows->BeginOf(rows->rows) ||
             next.target - fetch->target !=
                 static_cast<int64_t>(rows->rows) * fetch->target_stride) {
    return false;
  }
  ++rows->rows;
  return true;
}

// Adds the fetches of a request's runs: few, though every row of a matrix may
// be a run.
absl::Status AddFetches(const StateRequest& request, const StoredTensor& tensor,
                        std::vector<std::vector<Fetch>>* fetches) {
  const int64_t size = SizeOf(tensor.dtype);
  std::vector<Fetch>* last = nullptr;  // where this request's last one is
  const auto add = [&](const ShardRun& run, const StoredPart& part) {
    if (part.elements == 0) return;
    Fetch fetch;
    fetch.from.begin = part.offset;
    fetch.from.bytes = static_cast<uint64_t>(part.elements * size);
    fetch.stored = tensor.dtype;
    fetch.wanted = request.dtype;
    fetch.target = static_cast<char*>(request.base) +
                   (run.local_offset + part.begin - run.global_offset) *
                       SizeOf(request.dtype);
    std::vector<Fetch>* of_file = &(*fetches)[part.file];
    if (of_file == last && Extend(&last->back(), fetch)) return;
    of_file->push_back(fetch);
    last = of_file;
  };
  for (const ShardRun& run : request.runs) {
    if (run.global_offset < 0 || run.length < 0 || run.local_offset < 0 ||
        run.length > tensor.elements() ||
        run.global_offset > tensor.elements() - run.length) {
      return absl::InternalError(absl::StrCat(
          "a run of ", run.length, " elements at ", run.global_offset, " of ",
          request.tensor, ", which has ", tensor.elements()));
    }
    tensor.ForEachPlace(run.global_offset, run.length,
                        [&](const StoredPart& part) { add(run, part); });
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::vector<Fetch>>> FetchesOf(
    const std::vector<StateRequest>& requests, const TensorIndex& index,
    size_t files, absl::string_view where) {
  ASSIGN_OR_RETURN(const std::vector<const StoredTensor*> tensors,
                   index.Resolve(requests, where));
  std::vector<std::vector<Fetch>> fetches(files);
  for (size_t i = 0; i < requests.size(); ++i) {
    RETURN_IF_ERROR(AddFetches(requests[i], *tensors[i], &fetches));
  }
  return fetches;
}

absl::Status ReadState(const std::vector<StateRequest>& requests,
                       const TensorIndex& index,
                       const std::vector<BlockFile>& files,
                       absl::string_view where) {
  ASSIGN_OR_RETURN(const std::vector<std::vector<Fetch>> fetches,
                   FetchesOf(requests, index, files.size(), where));
  for (size_t i = 0; i < files.size(); ++i) {
    RETURN_IF_ERROR(files[i].Read(fetches[i]));
  }
  return absl::OkStatus();
}

}  // namespace perdure
