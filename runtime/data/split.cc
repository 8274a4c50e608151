#include "runtime/data/split.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/data/tokenizer.h"
#include "runtime/data/tokenizer_parts.h"

namespace perdure {
namespace {

absl::Status CheckSplitConfig(const DataConfig& config, Split split) {
  if (split == Split::kTest) {
    return absl::InvalidArgumentError(
        "token files have no test split; evaluate on data.val");
  }
  if (config.train_size() == 0 &&
      (split == Split::kTrain || config.val_size() == 0)) {
    return absl::InvalidArgumentError(
        "data.train: no files; add data.train { path: \"....tokens\" }");
  }
  const double fraction = config.val_fraction();
  if (!(fraction >= 0 && fraction < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("data.val_fraction: ", fraction,
                     " is not in [0, 1); 0.1 keeps the last tenth of every "
                     "training file for validation"));
  }
  if (fraction > 0 && config.val_size() > 0) {
    return absl::InvalidArgumentError(
        "data.val and data.val_fraction are both given; keep one of them");
  }
  if (split == Split::kVal && fraction == 0 && config.val_size() == 0) {
    return absl::InvalidArgumentError(
        "there is no validation split; give data.val files or "
        "data.val_fraction");
  }
  return absl::OkStatus();
}

// For formats without an index: documents start at each EOD token.
absl::StatusOr<int32_t> FindEod(const DataConfig& config,
                                absl::string_view token_path) {
  const std::string path =
      config.has_tokenizer() ? config.tokenizer() : FolderOf(token_path);
  const absl::string_view why =
      "data.reset_at_document and data.mask_document_start need to know where "
      "documents start; the file has no index of them";
  auto tokenizer = LoadTokenizer(path);
  if (!tokenizer.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(token_path, ": ", why,
                     ", and the tokenizer that would name the end-of-document "
                     "id is missing (",
                     tokenizer.status().message(), "); set data.tokenizer"));
  }
  if (!(*tokenizer)->eod().has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(token_path, ": ", why, ", and the tokenizer in ", path,
                     " has no end-of-document token; prepare the text as "
                     ".tokens with --document_separator"));
  }
  return *(*tokenizer)->eod();
}

}  // namespace

const char* SplitKey(Split split) {
  return split == Split::kTrain ? "data.train" : "data.val";
}

absl::StatusOr<std::vector<SplitFile>> OpenSplit(const DataConfig& config,
                                                 Split split,
                                                 int32_t vocab_size) {
  RETURN_IF_ERROR(CheckSplitConfig(config, split));
  const bool cut = split == Split::kTrain || config.val_size() == 0;
  const bool documents_needed =
      config.reset_at_document() || config.mask_document_start();
  std::vector<SplitFile> files;
  for (const DataFile& entry : cut ? config.train() : config.val()) {
    auto opened = OpenTokenFile(entry.path());
    if (!opened.ok()) return Annotate(opened.status(), SplitKey(split));
    SplitFile file;
    file.file = *std::move(opened);
    if (file.file->vocab_bound() > vocab_size) {
      return absl::FailedPreconditionError(absl::StrCat(
          SplitKey(split), ": ", entry.path(), " has a vocabulary of ",
          file.file->vocab_bound(), ", the model's is ", vocab_size,
          "; set model.vocab_size to at least the former, or tokenize with the "
          "model's tokenizer"));
    }
    // The boundary of nanoGPT: int(n * 0.9).
    const int64_t size = file.file->size();
    const auto boundary = static_cast<int64_t>(static_cast<double>(size) *
                                               (1 - config.val_fraction()));
    file.begin = cut && split == Split::kVal ? boundary : 0;
    file.end = split == Split::kTrain ? boundary : size;
    if (documents_needed && file.file->documents().empty()) {
      ASSIGN_OR_RETURN(file.eod, FindEod(config, entry.path()));
    }
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace perdure
