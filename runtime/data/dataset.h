#ifndef PERDURE_RUNTIME_DATA_DATASET_H_
#define PERDURE_RUNTIME_DATA_DATASET_H_

// Training and validation samples as a pure function of (seed, sample index):
// no rank, no topology, no history (design I2).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/config/data.pb.h"

namespace perdure {

// B sequences (rows) of T tokens. Vectors are [B*T] where nothing else is said.
//
// Each row is one sequence with one loss, unless `segments` is given: then a
// row holds several short sequences one after the other, and padding.
struct Batch {
  int64_t batch = 0;   // B
  int64_t tokens = 0;  // T
  // [B] a number for each row that no other row of the step has: of the sample,
  // or of the row's first segment.
  std::vector<int64_t> sequence;
  std::vector<int32_t> ids;            // inputs
  std::vector<int32_t> targets;        // the token after each input
  std::vector<float> weights;          // 1 counts, 0 does not
  std::vector<int32_t> positions;      // 0 .. T-1, or restarting at documents
  std::vector<int32_t> first_visible;  // empty: attention sees all from 0

  // Which segment a token belongs to, ascending within a row; -1: padding.
  // Empty: every row is one.
  std::vector<int32_t> segments;
  int64_t segment_count = 0;
  // Segments of one example: they follow each other, one a candidate.
  int candidates = 1;
  // [examples] the right candidate of each; empty: there is nothing to choose.
  std::vector<int32_t> gold;

  int64_t losses() const { return segments.empty() ? batch : segment_count; }
  int64_t CountedTokens() const;  // sum of weights
};

enum class Split { kTrain, kVal, kTest };

class Dataset {
 public:
  // Opens the files of a split. InvalidArgument / NotFound / FailedPrecondition
  // with the path and the remedy: missing file, ids beyond the model's
  // vocabulary, a split shorter than one window. Token files have no kTest.
  static absl::StatusOr<std::unique_ptr<Dataset>> Open(const DataConfig& config,
                                                       Split split,
                                                       int64_t sequence_length,
                                                       int32_t vocab_size,
                                                       uint64_t seed);
  virtual ~Dataset() = default;

  // Samples first .. first + count - 1. Training goes on for ever (epochs are
  // reshuffled); validation wraps around after windows().
  virtual absl::Status Read(int64_t first, int64_t count,
                            Batch* batch) const = 0;
  // Which window a sample is: file number and token offset, or the number of
  // the example in its file. For tests and logs.
  struct Window {
    int file = 0;
    int64_t offset = 0;
  };
  virtual Window Locate(int64_t sample) const = 0;
  virtual int64_t windows() const = 0;  // in an epoch: non-overlapping ones
  virtual int64_t tokens() const = 0;   // in this split
  // No batch of `count` samples has more rows (B*T).
  virtual int64_t max_rows(int64_t count) const = 0;
  virtual std::string Describe()
      const = 0;  // "2 files, 301,966 tokens, 4,718 windows"
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_DATASET_H_
