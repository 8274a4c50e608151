#include "runtime/data/segment_packer.h"

#include <algorithm>

namespace perdure {

int64_t PackedTokens(int64_t longest, int64_t sequence_length) {
  return std::min((longest + 7) / 8 * 8, sequence_length);
}

Packing PackSegments(const std::vector<int64_t>& lengths,
                     int64_t sequence_length, bool share) {
  Packing packing;
  packing.tokens = PackedTokens(
      lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end()),
      sequence_length);
  std::vector<int64_t> used;  // tokens of each row
  for (const int64_t length : lengths) {
    auto row = used.end();
    if (share) {
      row = std::find_if(used.begin(), used.end(), [&](int64_t taken) {
        return taken + length <= packing.tokens;
      });
    }
    if (row == used.end()) row = used.insert(row, 0);
    packing.places.push_back({row - used.begin(), *row});
    *row += length;
  }
  packing.rows = static_cast<int64_t>(used.size());
  return packing;
}

int64_t MostPackedTokens(int64_t count, int64_t total, int64_t longest,
                         int64_t sequence_length, bool share) {
  const int64_t tokens = PackedTokens(longest, sequence_length);
  if (!share) return count * tokens;
  // Of two rows that are at most half full, the later one's segments would have
  // gone into the earlier: all rows but one are more than half full.
  return std::min(count * tokens, 2 * total + tokens);
}

}  // namespace perdure
