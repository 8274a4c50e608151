#ifndef PERDURE_RUNTIME_DATA_ENCODED_EXAMPLES_H_
#define PERDURE_RUNTIME_DATA_ENCODED_EXAMPLES_H_

// All texts of a split as token ids, in one piece of memory.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "runtime/data/example_encoder.h"
#include "runtime/data/example_source.h"

namespace perdure {

class EncodedExamples {
 public:
  // `candidates`: texts of an example; 1: the right one, else one a class.
  // FailedPrecondition: what the encoder refuses, or a class without a label.
  static absl::StatusOr<EncodedExamples> Create(const TaskConfig& task,
                                                const ExampleSource& source,
                                                int candidates,
                                                ExampleEncoder* encoder);

  int candidates() const { return candidates_; }
  int64_t size() const { return static_cast<int64_t>(gold_.size()); }
  int32_t gold(int64_t example) const {
    return gold_[static_cast<size_t>(example)];
  }
  // Text `candidate` of an example: its ids, and the first of them that counts.
  absl::Span<const int32_t> ids(int64_t example, int candidate) const;
  int64_t counted(int64_t example, int candidate) const;

  int64_t tokens() const { return static_cast<int64_t>(ids_.size()); }
  // Of one text: its tokens but for the last, which is only a target.
  int64_t longest() const { return longest_; }
  // No more inputs are in any `count` samples that follow each other, even
  // where an epoch ends between them.
  int64_t MostInputs(int64_t count) const;

 private:
  struct Text {
    int64_t begin = 0;  // in ids_
    int64_t size = 0;
    int64_t counted = 0;
  };

  EncodedExamples() = default;
  const Text& text(int64_t example, int candidate) const {
    return texts_[static_cast<size_t>(example * candidates_ + candidate)];
  }
  absl::Status Add(const Example& example, int32_t gold,
                   ExampleEncoder* encoder);
  void CountInputs();

  int candidates_ = 1;
  std::vector<int32_t> ids_;
  std::vector<Text> texts_;    // [size * candidates]
  std::vector<int32_t> gold_;  // [size]
  int64_t longest_ = 0;
  std::vector<int64_t> inputs_;  // [size] of each example, descending
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_ENCODED_EXAMPLES_H_
