#include "runtime/data/example_dataset.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/philox.h"
#include "runtime/base/text.h"
#include "runtime/data/encoded_examples.h"
#include "runtime/data/permutation.h"
#include "runtime/data/segment_packer.h"

namespace perdure {
namespace {

constexpr int32_t kPadding = -1;  // in Batch::segments

Batch EmptyBatch(const Packing& packing) {
  Batch batch;
  batch.batch = packing.rows;
  batch.tokens = packing.tokens;
  batch.segment_count = static_cast<int64_t>(packing.places.size());
  const auto n = static_cast<size_t>(packing.rows * packing.tokens);
  batch.ids.assign(n, 0);
  batch.targets.assign(n, 0);
  batch.weights.assign(n, 0.0f);
  batch.positions.assign(n, 0);
  batch.segments.assign(n, kPadding);
  batch.first_visible.resize(n);
  for (size_t i = 0; i < n; ++i) {
    batch.first_visible[i] =
        static_cast<int32_t>(static_cast<int64_t>(i) % packing.tokens);
  }
  return batch;
}

struct Text {
  absl::Span<const int32_t> ids;
  int64_t counted = 0;
};

void Place(const Text& text, int32_t segment, const Packing::Place& place,
           Batch* batch) {
  const auto at = static_cast<size_t>(place.row * batch->tokens + place.begin);
  for (size_t t = 0; t + 1 < text.ids.size(); ++t) {
    batch->ids[at + t] = text.ids[t];
    batch->targets[at + t] = text.ids[t + 1];
    // What stands before a token that counts predicts it.
    const bool counts = static_cast<int64_t>(t) + 1 >= text.counted;
    batch->weights[at + t] = counts ? 1.0f : 0.0f;
    batch->positions[at + t] = static_cast<int32_t>(t);
    batch->first_visible[at + t] = static_cast<int32_t>(place.begin);
    batch->segments[at + t] = segment;
  }
}

struct Options {
  int64_t sequence_length = 0;
  bool training = false;
  bool packing = true;
  bool with_gold = false;  // all candidates are there to choose from
  uint64_t seed = 0;
  int64_t cut_prompts = 0;
  int64_t cut_completions = 0;
};

class ExampleDataset : public Dataset {
 public:
  ExampleDataset(ExampleSource source, EncodedExamples examples,
                 const Options& options)
      : source_(std::move(source)),
        examples_(std::move(examples)),
        options_(options) {}

  absl::Status Read(int64_t first, int64_t count, Batch* batch) const override {
    if (first < 0 || count < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "samples [", first, ", ", first, " + ", count, ") do not exist"));
    }
    std::vector<Text> texts;
    std::vector<int64_t> inputs, chosen;
    for (int64_t sample = first; sample < first + count; ++sample) {
      chosen.push_back(ExampleOf(sample));
      for (int c = 0; c < examples_.candidates(); ++c) {
        texts.push_back({examples_.ids(chosen.back(), c),
                         examples_.counted(chosen.back(), c)});
        inputs.push_back(static_cast<int64_t>(texts.back().ids.size()) - 1);
      }
    }
    const Packing packing =
        PackSegments(inputs, options_.sequence_length, options_.packing);
    *batch = EmptyBatch(packing);
    batch->candidates = examples_.candidates();
    if (options_.with_gold) {
      for (const int64_t example : chosen) {
        batch->gold.push_back(examples_.gold(example));
      }
    }
    const int64_t first_text = first * examples_.candidates();
    for (size_t s = 0; s < texts.size(); ++s) {
      const Packing::Place& place = packing.places[s];
      // The first segment of a row gives it its number; rows begin in order.
      if (place.begin == 0) {
        batch->sequence.push_back(first_text + static_cast<int64_t>(s));
      }
      Place(texts[s], static_cast<int32_t>(s), place, batch);
    }
    return absl::OkStatus();
  }

  Window Locate(int64_t sample) const override {
    return source_.Locate(ExampleOf(sample));
  }
  int64_t windows() const override { return examples_.size(); }
  int64_t tokens() const override { return examples_.tokens(); }
  int64_t max_rows(int64_t count) const override {
    return MostPackedTokens(count * examples_.candidates(),
                            examples_.MostInputs(count), examples_.longest(),
                            options_.sequence_length, options_.packing);
  }
  std::string Describe() const override {
    const auto some = [](int64_t n, absl::string_view what) {
      return absl::StrCat(WithCommas(n), " ", what, n == 1 ? "" : "s");
    };
    std::string text =
        absl::StrCat(some(source_.files(), "file"), ", ",
                     some(windows(), "example"), ", ", some(tokens(), "token"));
    if (options_.cut_prompts > 0) {
      absl::StrAppend(&text, ", ", some(options_.cut_prompts, "prompt"),
                      " cut on the left");
    }
    if (options_.cut_completions > 0) {
      absl::StrAppend(&text, ", ", some(options_.cut_completions, "completion"),
                      " cut at the end");
    }
    return text;
  }

 private:
  int64_t ExampleOf(int64_t sample) const {
    const int64_t n = windows();
    if (!options_.training) return sample % n;
    const PhiloxKey key = MakeKey(options_.seed, NoiseStream::kShuffle, 0);
    return Permutation(n, key, sample / n)(sample % n);
  }

  ExampleSource source_;
  EncodedExamples examples_;
  Options options_;
};

absl::Status CheckVocabulary(const Tokenizer& tokenizer, int32_t vocab_size) {
  if (tokenizer.vocab_size() <= vocab_size) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("data.tokenizer: has ", tokenizer.vocab_size(),
                   " ids, model.vocab_size is ", vocab_size,
                   "; name the model's own tokenizer"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> OpenExamples(
    const TaskConfig& task, const Tokenizer& tokenizer, Split split,
    int64_t sequence_length, int32_t vocab_size, uint64_t seed) {
  if (sequence_length < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "train.sequence_length: ", sequence_length, " is not positive"));
  }
  RETURN_IF_ERROR(CheckVocabulary(tokenizer, vocab_size));
  Options options;
  options.sequence_length = sequence_length;
  options.training = split == Split::kTrain;
  options.packing = task.packing();
  options.with_gold =
      task.kind() == TaskConfig::CLASSIFICATION &&
      (!options.training || task.objective() == TaskConfig::CANDIDATES);
  options.seed = seed;
  ASSIGN_OR_RETURN(ExampleSource source,
                   ExampleSource::Open(task, split, seed));
  ASSIGN_OR_RETURN(ExampleEncoder encoder,
                   ExampleEncoder::Create(&task, &tokenizer, sequence_length));
  ASSIGN_OR_RETURN(
      EncodedExamples examples,
      EncodedExamples::Create(
          task, source, options.with_gold ? task.label_size() : 1, &encoder));
  options.cut_prompts = encoder.cut_prompts();
  options.cut_completions = encoder.cut_completions();
  return std::make_unique<ExampleDataset>(std::move(source),
                                          std::move(examples), options);
}

}  // namespace perdure
