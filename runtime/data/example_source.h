#ifndef PERDURE_RUNTIME_DATA_EXAMPLE_SOURCE_H_
#define PERDURE_RUNTIME_DATA_EXAMPLE_SOURCE_H_

// The examples of one split: which lines of which files.

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/config/task.pb.h"
#include "runtime/data/dataset.h"
#include "runtime/data/example_file.h"

namespace perdure {

class ExampleSource {
 public:
  // Where a split takes only some of the examples, which ones is a pure
  // function of the seed and their number; training and validation examples of
  // the same files never overlap. FailedPrecondition: the files have too few.
  static absl::StatusOr<ExampleSource> Open(const TaskConfig& task, Split split,
                                            uint64_t seed);

  // In the order of the files.
  int64_t size() const { return static_cast<int64_t>(chosen_.size()); }
  absl::StatusOr<Example> Read(int64_t index) const;
  Dataset::Window Locate(int64_t index) const;  // file, example of the file
  int files() const { return static_cast<int>(files_.size()); }

  // The distinct values of a field in these files, for an error about one of
  // them: "0", "1", "2" and no more than a dozen.
  std::string SeenValues(absl::string_view field) const;

 private:
  ExampleSource() = default;
  absl::Status OpenFiles(const TaskConfig& task, Split split);
  int64_t total() const { return ends_.back(); }
  Dataset::Window LocateInFiles(int64_t number) const;

  std::vector<ExampleFile> files_;
  std::vector<int64_t> ends_;    // examples of the files up to each
  std::vector<int64_t> chosen_;  // numbers of examples, ascending
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_EXAMPLE_SOURCE_H_
