#include "runtime/data/example_source.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/philox.h"
#include "runtime/data/permutation.h"

namespace perdure {
namespace {

using Paths = google::protobuf::RepeatedPtrField<std::string>;

// Orders of their own, apart from that of training (example_dataset.cc).
// Training and validation share one: it is cut in two.
constexpr uint64_t kTrainDeck = 1, kValDeck = 2, kTestDeck = 3;

// Elements [begin, end) of a seeded order of all examples.
struct Choice {
  uint64_t deck = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

bool ValidatesOnTrain(const TaskConfig& task) { return task.val().empty(); }

absl::StatusOr<const Paths*> PathsOf(const TaskConfig& task, Split split) {
  switch (split) {
    case Split::kTrain:
      if (!task.train().empty()) return &task.train();
      return absl::InvalidArgumentError(
          "task.train: no files; name a .jsonl or .tsv file");
    case Split::kVal:
      if (!ValidatesOnTrain(task)) return &task.val();
      if (task.val_examples() > 0 && !task.train().empty()) {
        return &task.train();
      }
      return absl::InvalidArgumentError(
          "there is no validation split; give task.val files, or "
          "task.val_examples of task.train");
    case Split::kTest:
      break;
  }
  if (!task.test().empty()) return &task.test();
  return absl::InvalidArgumentError(
      "there is no test split; give task.test files");
}

absl::Status TooFew(absl::string_view what, int64_t wanted, int64_t total) {
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": ", wanted, ", but the files have ", total,
                   " examples; give a smaller number"));
}

// Of `total` examples, the last `held_out` are validation examples.
absl::StatusOr<Choice> ChooseTrain(const TaskConfig& task, int64_t total) {
  const int64_t wanted = task.train_examples();
  const int64_t held_out = ValidatesOnTrain(task) ? task.val_examples() : 0;
  if (wanted + held_out > total || held_out == total) {
    return TooFew(held_out > 0 ? "task.train_examples + task.val_examples"
                               : "task.train_examples",
                  wanted + held_out, total);
  }
  return Choice{kTrainDeck, 0, wanted > 0 ? wanted : total - held_out};
}

absl::StatusOr<Choice> Choose(const TaskConfig& task, Split split,
                              int64_t total) {
  if (split == Split::kTrain) return ChooseTrain(task, total);
  if (split == Split::kVal && ValidatesOnTrain(task)) {
    RETURN_IF_ERROR(ChooseTrain(task, total).status());
    return Choice{kTrainDeck, total - task.val_examples(), total};
  }
  const bool test = split == Split::kTest;
  const int64_t wanted = test ? task.test_examples() : task.val_examples();
  if (wanted > total) {
    return TooFew(test ? "task.test_examples" : "task.val_examples", wanted,
                  total);
  }
  return Choice{test ? kTestDeck : kValDeck, 0, wanted > 0 ? wanted : total};
}

}  // namespace

absl::Status ExampleSource::OpenFiles(const TaskConfig& task, Split split) {
  ASSIGN_OR_RETURN(const Paths* paths, PathsOf(task, split));
  const std::vector<std::string> columns(task.column().begin(),
                                         task.column().end());
  for (const std::string& path : *paths) {
    ASSIGN_OR_RETURN(ExampleFile file, ExampleFile::Open(path, columns));
    ends_.push_back((ends_.empty() ? 0 : total()) + file.size());
    files_.push_back(std::move(file));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExampleSource> ExampleSource::Open(const TaskConfig& task,
                                                  Split split, uint64_t seed) {
  ExampleSource source;
  RETURN_IF_ERROR(source.OpenFiles(task, split));
  ASSIGN_OR_RETURN(const Choice choice, Choose(task, split, source.total()));
  const Permutation order(source.total(),
                          MakeKey(seed, NoiseStream::kShuffle, choice.deck),
                          /*epoch=*/0);
  for (int64_t i = choice.begin; i < choice.end; ++i) {
    source.chosen_.push_back(order(i));
  }
  std::sort(source.chosen_.begin(), source.chosen_.end());
  return source;
}

Dataset::Window ExampleSource::LocateInFiles(int64_t number) const {
  const auto file = std::upper_bound(ends_.begin(), ends_.end(), number);
  const int64_t begin = file == ends_.begin() ? 0 : *(file - 1);
  return {static_cast<int>(file - ends_.begin()), number - begin};
}

Dataset::Window ExampleSource::Locate(int64_t index) const {
  return LocateInFiles(chosen_[static_cast<size_t>(index)]);
}

absl::StatusOr<Example> ExampleSource::Read(int64_t index) const {
  const Dataset::Window place = Locate(index);
  return files_[static_cast<size_t>(place.file)].Read(place.offset);
}

std::string ExampleSource::SeenValues(absl::string_view field) const {
  constexpr size_t kMost = 12;
  std::set<std::string> values;
  for (int64_t i = 0; i < total() && values.size() < kMost; ++i) {
    const Dataset::Window place = LocateInFiles(i);
    const auto example =
        files_[static_cast<size_t>(place.file)].Read(place.offset);
    if (!example.ok()) continue;
    const auto value = example->Get(field);
    if (value.ok()) values.insert(absl::StrCat("\"", *value, "\""));
  }
  return absl::StrJoin(values, ", ");
}

}  // namespace perdure
