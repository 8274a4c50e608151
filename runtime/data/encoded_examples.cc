#include "runtime/data/encoded_examples.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace perdure {
namespace {

absl::Status UnknownLabel(const TaskConfig& task, const ExampleSource& source,
                          const Example& example) {
  const std::string& field = task.label_field();
  const auto value = example.Get(field);
  return absl::FailedPreconditionError(absl::StrCat(
      example.where(), ": \"", value.value_or(""), "\" in field \"", field,
      "\" has no label; give task.label those values that are in the files: ",
      source.SeenValues(field), " (it has ",
      absl::StrJoin(task.label(), ", ",
                    [](std::string* out, const LabelWord& label) {
                      absl::StrAppend(out, "\"", label.value(), "\"");
                    }),
      ")"));
}

}  // namespace

absl::StatusOr<EncodedExamples> EncodedExamples::Create(
    const TaskConfig& task, const ExampleSource& source, int candidates,
    ExampleEncoder* encoder) {
  EncodedExamples encoded;
  encoded.candidates_ = candidates;
  for (int64_t i = 0; i < source.size(); ++i) {
    ASSIGN_OR_RETURN(const Example example, source.Read(i));
    ASSIGN_OR_RETURN(const std::optional<int32_t> gold, encoder->Gold(example));
    if (!gold.has_value()) return UnknownLabel(task, source, example);
    RETURN_IF_ERROR(encoded.Add(example, *gold, encoder));
  }
  encoded.CountInputs();
  return encoded;
}

absl::Status EncodedExamples::Add(const Example& example, int32_t gold,
                                  ExampleEncoder* encoder) {
  gold_.push_back(gold);
  for (int c = 0; c < candidates_; ++c) {
    ASSIGN_OR_RETURN(const EncodedText text,
                     encoder->Encode(example, candidates_ > 1 ? c : gold));
    texts_.push_back(
        {tokens(), static_cast<int64_t>(text.ids.size()), text.counted});
    ids_.insert(ids_.end(), text.ids.begin(), text.ids.end());
  }
  return absl::OkStatus();
}

void EncodedExamples::CountInputs() {
  for (int64_t example = 0; example < size(); ++example) {
    int64_t inputs = 0;
    for (int c = 0; c < candidates_; ++c) {
      const int64_t of_text = text(example, c).size - 1;
      inputs += of_text;
      longest_ = std::max(longest_, of_text);
    }
    inputs_.push_back(inputs);
  }
  std::sort(inputs_.begin(), inputs_.end(), std::greater<int64_t>());
}

absl::Span<const int32_t> EncodedExamples::ids(int64_t example,
                                               int candidate) const {
  const Text& found = text(example, candidate);
  return absl::MakeConstSpan(ids_).subspan(static_cast<size_t>(found.begin),
                                           static_cast<size_t>(found.size));
}

int64_t EncodedExamples::counted(int64_t example, int candidate) const {
  return text(example, candidate).counted;
}

int64_t EncodedExamples::MostInputs(int64_t count) const {
  // Samples in a row touch so many epochs, and each has an example once.
  const int64_t most_times = (count - 1 + size() - 1) / size() + 1;
  int64_t total = 0;
  for (const int64_t inputs : inputs_) {
    const int64_t times = std::min(count, most_times);
    total += times * inputs;
    count -= times;
  }
  return total;
}

}  // namespace perdure
