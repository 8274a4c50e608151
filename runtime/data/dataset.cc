#include "runtime/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/text.h"
#include "runtime/data/documents.h"
#include "runtime/data/sampler.h"
#include "runtime/data/split.h"

namespace perdure {
namespace {

// T: tokens of a sequence.
class TokenDataset : public Dataset {
 public:
  TokenDataset(const DataConfig& config, std::vector<SplitFile> files,
               std::unique_ptr<Sampler> sampler, int64_t sequence_length,
               int32_t vocab_size)
      : reset_at_document_(config.reset_at_document()),
        mask_document_start_(config.mask_document_start()),
        files_(std::move(files)),
        sampler_(std::move(sampler)),
        length_(sequence_length),
        vocab_size_(vocab_size) {}

  absl::Status Read(int64_t first, int64_t count, Batch* batch) const override {
    if (first < 0 || count < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "samples [", first, ", ", first, " + ", count, ") do not exist"));
    }
    *batch = Batch();
    batch->batch = count;
    batch->tokens = length_;
    const int64_t n = count * length_;
    batch->sequence.resize(count);
    batch->ids.resize(n);
    batch->targets.resize(n);
    batch->weights.assign(n, 1.0f);
    batch->positions.resize(n);
    if (reset_at_document_) batch->first_visible.assign(n, 0);
    for (int64_t b = 0; b < count; ++b) {
      batch->sequence[b] = first + b;
      RETURN_IF_ERROR(ReadSample(first + b, b * length_, batch));
    }
    return absl::OkStatus();
  }

  Window Locate(int64_t sample) const override {
    Window window = sampler_->Locate(sample);
    window.offset += files_[window.file].begin;
    return window;
  }
  int64_t windows() const override { return sampler_->windows(); }
  int64_t tokens() const override {
    int64_t tokens = 0;
    for (const SplitFile& file : files_) tokens += file.tokens();
    return tokens;
  }
  int64_t max_rows(int64_t count) const override { return count * length_; }
  std::string Describe() const override {
    return absl::StrCat(
        files_.size(), files_.size() == 1 ? " file, " : " files, ",
        WithCommas(tokens()), " tokens, ", WithCommas(windows()), " windows");
  }

 private:
  // Fills [to, to + T) of the batch's vectors, which are zeros and ones.
  absl::Status ReadSample(int64_t sample, int64_t to, Batch* batch) const {
    const Window window = Locate(sample);
    const SplitFile& file = files_[window.file];
    const int64_t available = std::min(length_ + 1, file.end - window.offset);
    std::vector<int32_t> ids(available);
    file.file->Read(window.offset, available, ids.data());
    RETURN_IF_ERROR(CheckIds(file, window.offset, ids));

    // Beyond the split's end: any valid id, and no weight.
    ids.resize(length_ + 1, 0);
    std::fill(batch->weights.begin() + to + available - 1,
              batch->weights.begin() + to + length_, 0.0f);
    std::copy_n(ids.begin(), length_, batch->ids.begin() + to);
    std::copy_n(ids.begin() + 1, length_, batch->targets.begin() + to);
    for (int64_t t = 0; t < length_; ++t) {
      batch->positions[to + t] = static_cast<int32_t>(t);
    }
    if (reset_at_document_ || mask_document_start_) {
      ids.resize(available);
      ApplyDocuments(DocumentStarts(file, window.offset, ids), to, batch);
    }
    return absl::OkStatus();
  }

  void ApplyDocuments(const std::vector<int64_t>& starts, int64_t to,
                      Batch* batch) const {
    for (size_t i = 0; i < starts.size(); ++i) {
      const int64_t start = starts[i];
      if (mask_document_start_ && start > 0) {
        batch->weights[to + start - 1] = 0.0f;
      }
      if (!reset_at_document_) continue;
      const int64_t end = i + 1 < starts.size() ? starts[i + 1] : length_;
      for (int64_t t = start; t < std::min(end, length_); ++t) {
        batch->positions[to + t] = static_cast<int32_t>(t - start);
        batch->first_visible[to + t] = static_cast<int32_t>(start);
      }
    }
  }

  // A damaged file must not index beyond the embedding.
  absl::Status CheckIds(const SplitFile& file, int64_t offset,
                        const std::vector<int32_t>& ids) const {
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] >= 0 && ids[i] < vocab_size_) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          file.file->path(), ": token ", offset + static_cast<int64_t>(i),
          " is id ", ids[i], ", the model's vocabulary is ", vocab_size_,
          ": the file is damaged; prepare it anew"));
    }
    return absl::OkStatus();
  }

  bool reset_at_document_;
  bool mask_document_start_;
  std::vector<SplitFile> files_;
  std::unique_ptr<Sampler> sampler_;
  int64_t length_;  // T
  int32_t vocab_size_;
};

// Empty where no file has a weight.
absl::StatusOr<std::vector<double>> TrainWeights(const DataConfig& config) {
  std::vector<double> weights;
  double sum = 0;
  for (const DataFile& file : config.train()) {
    if (!file.has_weight()) continue;
    if (!(file.weight() >= 0) || !std::isfinite(file.weight())) {
      return absl::InvalidArgumentError(
          absl::StrCat("data.train: ", file.path(), " has weight ",
                       file.weight(), "; a weight is a number >= 0"));
    }
    weights.push_back(file.weight());
    sum += file.weight();
  }
  if (weights.empty()) return weights;
  if (static_cast<int>(weights.size()) != config.train_size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "data.train: ", weights.size(), " of ", config.train_size(),
        " files have a weight; give one to all of them or to none"));
  }
  if (sum <= 0 || !std::isfinite(sum)) {
    return absl::InvalidArgumentError(
        "data.train: the weights add up to nothing usable; give at least one "
        "file a positive weight");
  }
  return weights;
}

// A training window is whole; a validation window has one target at least.
absl::Status CheckLengths(const std::vector<SplitFile>& files, Split split,
                          int64_t sequence_length) {
  const int64_t needed = split == Split::kTrain ? sequence_length + 1 : 2;
  for (const SplitFile& file : files) {
    if (file.tokens() >= needed) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        SplitKey(split), ": ", file.file->path(), " has ", file.tokens(),
        " tokens in this split, one window needs ", needed,
        "; use more text, a shorter train.sequence_length, or another "
        "data.val_fraction"));
  }
  return absl::OkStatus();
}

}  // namespace

int64_t Batch::CountedTokens() const {
  // Each weight is 0 or 1: the sum in double is exact in any order.
  double sum = 0;
  for (const float weight : weights) sum += weight;
  return static_cast<int64_t>(sum);
}

absl::StatusOr<std::unique_ptr<Dataset>> Dataset::Open(const DataConfig& config,
                                                       Split split,
                                                       int64_t sequence_length,
                                                       int32_t vocab_size,
                                                       uint64_t seed) {
  if (sequence_length < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "train.sequence_length: ", sequence_length, " is not positive"));
  }
  ASSIGN_OR_RETURN(std::vector<SplitFile> files,
                   OpenSplit(config, split, vocab_size));
  RETURN_IF_ERROR(CheckLengths(files, split, sequence_length));

  SamplerOptions options;
  options.sequence_length = sequence_length;
  options.seed = seed;
  for (const SplitFile& file : files) options.tokens.push_back(file.tokens());
  std::unique_ptr<Sampler> sampler;
  if (split == Split::kVal) {
    sampler = MakeConsecutiveSampler(options);
  } else {
    ASSIGN_OR_RETURN(options.weights, TrainWeights(config));
    sampler = config.sampling() == DataConfig::RANDOM_OFFSET
                  ? MakeRandomOffsetSampler(options)
                  : MakePermutationSampler(options);
  }
  return std::make_unique<TokenDataset>(config, std::move(files),
                                        std::move(sampler), sequence_length,
                                        vocab_size);
}

}  // namespace perdure
