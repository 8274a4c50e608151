#include "launcher/train/run_data.h"

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "runtime/data/example_dataset.h"

namespace perdure {
namespace {

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
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
  CHECK(tokenizer != nullptr) << "LoadRunTokenizer gives one for a task";
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

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadRunTokenizer(
    const RunConfig& config, const std::string& weights_directory) {
  const std::string path = TokenizerPath(config, weights_directory);
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = LoadTokenizer(path);
  if (!tokenizer.ok()) {
    if (config.data().has_tokenizer() || config.has_task()) {
      return tokenizer.status();
    }
    return std::unique_ptr<Tokenizer>();
  }
  if ((*tokenizer)->vocab_size() > config.model().vocab_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.vocab_size: ", config.model().vocab_size(),
                     " is smaller than the tokenizer's ",
                     (*tokenizer)->vocab_size(), " (", path, "); raise it"));
  }
  return tokenizer;
}

}  // namespace perdure
