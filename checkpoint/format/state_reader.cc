#include "checkpoint/format/state_reader.h"

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

// Adds the fetches of a request's runs.
absl::Status AddFetches(const StateRequest& request, const StoredTensor& tensor,
                        std::vector<std::vector<Fetch>>* fetches) {
  const int64_t size = SizeOf(tensor.dtype);
  for (const ShardRun& run : request.runs) {
    if (run.global_offset < 0 || run.length < 0 || run.local_offset < 0 ||
        run.length > tensor.elements() ||
        run.global_offset > tensor.elements() - run.length) {
      return absl::InternalError(absl::StrCat(
          "a run of ", run.length, " elements at ", run.global_offset, " of ",
          request.tensor, ", which has ", tensor.elements()));
    }
    const auto add = [&](const StoredPart& part) {
      Fetch fetch;
      fetch.offset = part.offset;
      fetch.bytes = static_cast<uint64_t>(part.elements * size);
      fetch.stored = tensor.dtype;
      fetch.wanted = request.dtype;
      fetch.target = static_cast<char*>(request.base) +
                     (run.local_offset + part.begin - run.global_offset) *
                         SizeOf(request.dtype);
      (*fetches)[part.file].push_back(fetch);
    };
    tensor.ForEachPlace(run.global_offset, run.length, add);
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
