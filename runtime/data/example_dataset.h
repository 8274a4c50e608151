#ifndef PERDURE_RUNTIME_DATA_EXAMPLE_DATASET_H_
#define PERDURE_RUNTIME_DATA_EXAMPLE_DATASET_H_

// A task's examples as samples: each is a text, or one for each candidate class
// of a classification. Short ones share the rows of a batch.

#include <cstdint>
#include <memory>

#include "runtime/base/status.h"
#include "runtime/config/task.pb.h"
#include "runtime/data/dataset.h"
#include "runtime/data/tokenizer.h"

namespace perdure {

// Reads and encodes the examples of a split. `task` is valid (CheckConfig).
//
// A sample is an example. Training goes through all of them in an order that
// every epoch has anew; validation and test take them in the order of the
// files, round and round. A batch has all candidates of an example, and `gold`,
// where a classification is evaluated or task.objective is CANDIDATES; else
// the right one alone.
//
// Batch::tokens is what the longest text of the batch needs, up to
// `sequence_length`: batches differ in it. Texts are packed into rows first-fit
// in order; each sees only itself, its positions start at 0, and only the
// tokens before those that count have weight. Padding sees only itself.
//
// InvalidArgument / NotFound / FailedPrecondition with the field of the config,
// or with file:line, and the remedy.
absl::StatusOr<std::unique_ptr<Dataset>> OpenExamples(
    const TaskConfig& task, const Tokenizer& tokenizer, Split split,
    int64_t sequence_length, int32_t vocab_size, uint64_t seed);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_EXAMPLE_DATASET_H_
