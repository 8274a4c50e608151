#ifndef PERDURE_LAUNCHER_TRAIN_RUN_DATA_H_
#define PERDURE_LAUNCHER_TRAIN_RUN_DATA_H_

// What a run trains and is evaluated on: token files (RunConfig.data), or the
// examples of a task (RunConfig.task).

#include <memory>
#include <string>

#include "runtime/base/status.h"
#include "runtime/config/run.pb.h"
#include "runtime/data/dataset.h"
#include "runtime/data/tokenizer.h"

namespace perdure {

bool HasSplit(const RunConfig& config, Split split);

// `tokenizer` turns a task's text into tokens; token files need none, and
// nullptr will do.
absl::StatusOr<std::unique_ptr<Dataset>> OpenRunData(
    const RunConfig& config, Split split, const Tokenizer* tokenizer);

// The tokenizer of a run: data.tokenizer, else that of a task's weights or the
// one beside the first train (or val) file. nullptr where there is none and
// none is needed (token files).
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadRunTokenizer(
    const RunConfig& config, const std::string& weights_directory);

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_TRAIN_RUN_DATA_H_
