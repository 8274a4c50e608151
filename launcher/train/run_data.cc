#include "launcher/train/run_data.h"

#include "absl/strings/str_cat.h"
#include "runtime/data/example_dataset.h"

namespace perdure {
namespace {

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> OpenRunData(
    const RunConfig& config, Split split, const Tokenizer* tokenizer) {
  const TrainConfig& train = config.train();
  const int64_t length = train.has_sequence_length() ? train.sequence_length()
                                                     : config.model().context();
  const int32_t vocab_size = config.model().vocab_size();
  if (!config.has_task()) {
    return Dataset::Open(config.data(), split, length, vocab_size,
                         train.seed());
  }
  if (tokenizer == nullptr) {
    return absl::InvalidArgumentError(
        "data.tokenizer is missing: a task's text must be turned into tokens; "
        "name the tokenizer's file or folder (there is none beside the "
        "weights)");
  }
  return OpenExamples(config.task(), *tokenizer, split, length, vocab_size,
                      train.seed());
}

bool HasSplit(const RunConfig& config, Split split) {
  const DataConfig& data = config.data();
  const TaskConfig& task = config.task();
  switch (split) {
    case Split::kTrain:
      return config.has_task() ? task.train_size() > 0 : data.train_size() > 0;
    case Split::kVal:
      return config.has_task() ? task.val_size() > 0 || task.val_examples() > 0
                               : data.val_size() > 0 || data.val_fraction() > 0;
    case Split::kTest:
      return config.has_task() && task.test_size() > 0;
  }
  return false;
}

std::string TokenizerPath(const RunConfig& config,
                          const std::string& weights_directory) {
  const DataConfig& data = config.data();
  if (data.has_tokenizer()) return data.tokenizer();
  if (config.has_task()) return weights_directory;
  if (data.train_size() > 0) return DirectoryOf(data.train(0).path());
  if (data.val_size() > 0) return DirectoryOf(data.val(0).path());
  return "";
}

}  // namespace perdure
