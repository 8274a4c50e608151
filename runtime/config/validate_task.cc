#include <set>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/text.h"
#include "runtime/config/problems.h"
#include "runtime/config/template.h"

namespace perdure {
namespace {

using Strings = google::protobuf::RepeatedPtrField<std::string>;

std::string Element(absl::string_view list, int index) {
  return absl::StrCat("task.", list, "[", index, "]");
}

bool IsTable(absl::string_view path) { return absl::EndsWith(path, ".tsv"); }

void CheckPaths(absl::string_view list, const Strings& paths,
                Problems* problems) {
  for (int i = 0; i < paths.size(); ++i) {
    if (IsTable(paths[i]) || absl::EndsWith(paths[i], ".jsonl")) continue;
    problems->Add(
        Element(list, i),
        absl::StrCat("'", paths[i],
                     "' is no file of examples; name a .jsonl or a .tsv file"));
  }
}

void CheckFiles(const TaskConfig& task, bool for_training, Problems* problems) {
  if (for_training && task.train().empty()) {
    problems->Add("task.train",
                  "is missing; name at least one .jsonl or .tsv file");
  }
  CheckPaths("train", task.train(), problems);
  CheckPaths("val", task.val(), problems);
  CheckPaths("test", task.test(), problems);
  problems->RequireAtLeast("task.train_examples", task.train_examples(), 0);
  problems->RequireAtLeast("task.val_examples", task.val_examples(), 0);
  problems->RequireAtLeast("task.test_examples", task.test_examples(), 0);
  if (task.test_examples() > 0 && task.test().empty()) {
    problems->Add("task.test_examples",
                  absl::StrCat(task.test_examples(),
                               ", but task.test names no file; name one"));
  }
}

// The other source of training data, and what turns text into tokens.
void CheckData(const RunConfig& config, bool for_training, Problems* problems) {
  const DataConfig& data = config.data();
  for (const auto& [path, given] :
       {std::pair<const char*, bool>{"data.train", data.train_size() > 0},
        {"data.val", data.val_size() > 0},
        {"data.val_fraction", data.val_fraction() > 0}}) {
    if (!given) continue;
    problems->Add(path,
                  "is about token files, but task names files of examples; "
                  "give one of the two");
  }
  if (for_training && !data.has_tokenizer() &&
      !config.model().has_init_from()) {
    problems->Add("data.tokenizer",
                  "is missing; the examples of task are text: name the "
                  "model's tokenizer");
  }
}

void CheckColumns(const TaskConfig& task, Problems* problems) {
  if (task.column().empty()) return;
  std::set<std::string> seen;
  for (int i = 0; i < task.column_size(); ++i) {
    const std::string& name = task.column(i);
    if (name.empty()) {
      problems->Add(Element("column", i), "is empty; name the column");
    } else if (!seen.insert(name).second) {
      problems->Add(
          Element("column", i),
          absl::StrCat("'", name, "' is there already; give another name"));
    }
  }
  if (!absl::c_any_of(task.train(), IsTable) &&
      !absl::c_any_of(task.val(), IsTable) &&
      !absl::c_any_of(task.test(), IsTable)) {
    problems->Add("task.column",
                  "names the columns of .tsv files, and there are none; leave "
                  "it out");
  }
}

// Where every file is a table whose columns are known, so are the fields.
void CheckField(absl::string_view path, const std::string& field,
                const TaskConfig& task, Problems* problems) {
  const auto all_tables = [](const Strings& paths) {
    return absl::c_all_of(paths, IsTable);
  };
  if (task.column().empty() || !all_tables(task.train()) ||
      !all_tables(task.val()) || !all_tables(task.test()) ||
      absl::c_linear_search(task.column(), field)) {
    return;
  }
  const std::vector<std::string> names(task.column().begin(),
                                       task.column().end());
  problems->Add(
      path, absl::StrCat("no field '", field, "'", DidYouMean(field, names),
                         "; task.column names ", absl::StrJoin(names, ", ")));
}

// `varies`: a text that is the same for all examples would be a mistake.
void CheckTemplate(absl::string_view path, const std::string& text, bool varies,
                   const TaskConfig& task, Problems* problems) {
  const absl::StatusOr<Template> parsed = Template::Parse(text);
  if (!parsed.ok()) return problems->Add(path, parsed.status().message());
  const std::vector<std::string> fields = parsed->Fields();
  if (varies && fields.empty()) {
    problems->Add(path, absl::StrCat("'", text,
                                     "' is the same for all examples; put a "
                                     "{field} into it"));
  }
  for (const std::string& field : fields) {
    CheckField(path, field, task, problems);
  }
}

void CheckLabels(const TaskConfig& task, Problems* problems) {
  if (task.label_size() < 2) {
    problems->Add("task.label",
                  absl::StrCat("has ", task.label_size(),
                               " classes; give two or more: label { value: "
                               "\"1\" word: \" great\" }"));
  }
  std::set<std::string> values, words;
  for (int i = 0; i < task.label_size(); ++i) {
    const std::string path = Element("label", i);
    const LabelWord& label = task.label(i);
    if (label.value().empty()) {
      problems->Add(absl::StrCat(path, ".value"),
                    "is missing; give a value of task.label_field");
    } else if (!values.insert(label.value()).second) {
      problems->Add(absl::StrCat(path, ".value"),
                    absl::StrCat("'", label.value(),
                                 "' has a label already; leave one out"));
    }
    if (label.word().empty()) {
      problems->Add(absl::StrCat(path, ".word"),
                    "is missing; give what follows the prompt, with its "
                    "space: \" great\"");
    } else if (!words.insert(label.word()).second) {
      problems->Add(absl::StrCat(path, ".word"),
                    absl::StrCat("'", label.word(),
                                 "' stands for another class already; give "
                                 "each its own"));
    }
  }
}

void CheckClassification(const RunConfig& config, Problems* problems) {
  const TaskConfig& task = config.task();
  if (task.prompt().empty()) {
    problems->Add("task.prompt",
                  "is missing; classification scores what follows it: prompt: "
                  "\"{sentence} It was\"");
  }
  if (task.label_field().empty()) {
    problems->Add("task.label_field",
                  "is missing; name the field with the class");
  } else {
    CheckField("task.label_field", task.label_field(), task, problems);
  }
  CheckLabels(task, problems);
  if (task.has_completion()) {
    problems->Add("task.completion",
                  "is for LANGUAGE_MODEL; a classification has task.label "
                  "instead: leave it out");
  }
  if (task.add_eod()) {
    problems->Add("task.add_eod",
                  "is for LANGUAGE_MODEL; label words are scored alone: leave "
                  "it out");
  }
  if (task.objective() == TaskConfig::CANDIDATES &&
      config.train().method() != TrainConfig::ZEROTH_ORDER) {
    problems->Add("task.objective",
                  "CANDIDATES needs train.method ZEROTH_ORDER; first-order "
                  "training has LABEL_TOKENS");
  }
}

void CheckLanguageModel(const TaskConfig& task, Problems* problems) {
  if (task.completion().empty()) {
    problems->Add("task.completion",
                  "is missing; give what is to be predicted: completion: "
                  "\"{text}\"");
  }
  const auto only = [&](absl::string_view path) {
    problems->Add(path,
                  "is for a classification; leave it out, or set task.kind: "
                  "CLASSIFICATION");
  };
  if (task.has_label_field()) only("task.label_field");
  if (task.label_size() > 0) only("task.label");
  if (task.objective() == TaskConfig::CANDIDATES) only("task.objective");
}

}  // namespace

void ValidateTask(const RunConfig& config, bool for_training,
                  Problems* problems) {
  if (!config.has_task()) return;
  const TaskConfig& task = config.task();
  CheckData(config, for_training, problems);
  CheckFiles(task, for_training, problems);
  CheckColumns(task, problems);
  if (!task.prompt().empty()) {
    CheckTemplate("task.prompt", task.prompt(),
                  task.kind() == TaskConfig::CLASSIFICATION, task, problems);
  }
  if (task.kind() == TaskConfig::CLASSIFICATION) {
    CheckClassification(config, problems);
    return;
  }
  if (!task.completion().empty()) {
    CheckTemplate("task.completion", task.completion(), /*varies=*/true, task,
                  problems);
  }
  CheckLanguageModel(task, problems);
}

}  // namespace perdure
