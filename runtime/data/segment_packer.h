#ifndef PERDURE_RUNTIME_DATA_SEGMENT_PACKER_H_
#define PERDURE_RUNTIME_DATA_SEGMENT_PACKER_H_

// Which sequence of a batch ("row" here) holds which short text, and where.

#include <cstdint>
#include <vector>

namespace perdure {

struct Packing {
  struct Place {
    int64_t row = 0;
    int64_t begin = 0;  // first token within the row
  };
  int64_t rows = 0;
  int64_t tokens = 0;         // T, of every row
  std::vector<Place> places;  // of each segment
};

// The T that segments of up to `longest` tokens get: a multiple of 8, which
// kernels like, but no more than `sequence_length` >= longest.
int64_t PackedTokens(int64_t longest, int64_t sequence_length);

// First-fit, in the order given: each segment goes into the first row with
// room, behind what is there. A pure function of its arguments. `share`: false
// gives each a row of its own.
Packing PackSegments(const std::vector<int64_t>& lengths,
                     int64_t sequence_length, bool share);

// No packing of `count` segments with `total` tokens, none longer than
// `longest`, has more tokens (rows times T).
int64_t MostPackedTokens(int64_t count, int64_t total, int64_t longest,
                         int64_t sequence_length, bool share);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_SEGMENT_PACKER_H_
