#include "runtime/comm/communicator.h"

#include <algorithm>
#include <cstring>

namespace perdure {

absl::StatusOr<double> AllReduceScalar(Communicator& comm, double value,
                                       ReduceOp op) {
  RETURN_IF_ERROR(comm.AllReduce(&value, 1, DType::kF64, op));
  return value;
}

absl::StatusOr<std::vector<std::string>> AllGatherStrings(
    Communicator& comm, absl::string_view text) {
  const uint64_t mine = text.size();
  std::vector<uint64_t> sizes(comm.size());
  RETURN_IF_ERROR(comm.AllGather(&mine, sizeof(mine), sizes.data()));
  // Parts of a collective have one size: the longest text's.
  const uint64_t longest = *std::max_element(sizes.begin(), sizes.end());
  std::vector<char> padded(longest);
  if (!text.empty()) std::memcpy(padded.data(), text.data(), text.size());
  std::vector<char> all(longest * comm.size());
  RETURN_IF_ERROR(comm.AllGather(padded.data(), longest, all.data()));
  std::vector<std::string> strings;
  for (int r = 0; r < comm.size(); ++r) {
    strings.emplace_back(all.data() + r * longest, sizes[r]);
  }
  return strings;
}

}  // namespace perdure
