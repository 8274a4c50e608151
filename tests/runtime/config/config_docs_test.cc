// docs/config.md lists every field of every message, with its default.

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/config/run.pb.h"

namespace perdure {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Cells of the row of a field, by "Message.field". Sections are headed
// "## `path` (Message)", rows start with "| `field` |".
using Rows = std::map<std::string, std::vector<std::string>>;

Rows ReadRows() {
  const auto text = ReadFile(PERDURE_SOURCE_DIR "/docs/config.md");
  EXPECT_TRUE(text.ok()) << text.status();
  Rows rows;
  std::string message;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (line.substr(0, 3) == "## ") {
      const size_t open = line.rfind('(');
      if (open == absl::string_view::npos) continue;
      message = std::string(line.substr(open + 1, line.size() - open - 2));
    } else if (!message.empty() && line.substr(0, 3) == "| `") {
      std::vector<std::string> cells;
      for (absl::string_view cell : absl::StrSplit(line, '|')) {
        cells.emplace_back(absl::StripAsciiWhitespace(cell));
      }
      const std::string name = cells.at(1).substr(1, cells.at(1).size() - 2);
      rows[message + "." + name] = cells;
    }
  }
  return rows;
}

// "6e-4" is what protobuf prints as 0.0006.
bool SameValue(const std::string& a, const std::string& b) {
  double x = 0, y = 0;
  if (absl::SimpleAtod(a, &x) && absl::SimpleAtod(b, &y)) return x == y;
  return a == b;
}

void CheckMessage(const Message& message, Rows* rows) {
  const Descriptor* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    const std::string key = descriptor->name() + "." + field->name();
    const auto row = rows->find(key);
    if (row == rows->end()) {
      ADD_FAILURE() << "docs/config.md has no row for " << key;
      continue;
    }
    if (field->has_default_value()) {
      std::string value;
      google::protobuf::TextFormat::PrintFieldValueToString(message, field, -1,
                                                            &value);
      const std::string documented =
          absl::StrReplaceAll(row->second.at(3), {{"`", ""}});
      EXPECT_TRUE(SameValue(documented, value))
          << key << ": documented " << documented << ", is " << value;
    }
    rows->erase(row);
  }
}

TEST(ConfigDocsTest, EveryFieldIsDocumentedWithItsDefaultAndNoOther) {
  Rows rows = ReadRows();
  CheckMessage(RunConfig(), &rows);
  CheckMessage(ModelConfig(), &rows);
  CheckMessage(DataConfig(), &rows);
  CheckMessage(DataFile(), &rows);
  CheckMessage(TrainConfig(), &rows);
  CheckMessage(OptimConfig(), &rows);
  CheckMessage(EvalConfig(), &rows);
  CheckMessage(SnapshotConfig(), &rows);
  CheckMessage(TopologyConfig(), &rows);
  CheckMessage(TraceConfig(), &rows);
  CheckMessage(TaskConfig(), &rows);
  CheckMessage(LabelWord(), &rows);
  CheckMessage(ZerothOrderConfig(), &rows);
  CheckMessage(LoraConfig(), &rows);
  CheckMessage(PrefixConfig(), &rows);
  CheckMessage(JournalConfig(), &rows);
  CheckMessage(ResilienceConfig(), &rows);
  CheckMessage(SampleRange(), &rows);
  for (const auto& [key, row] : rows) {
    ADD_FAILURE() << "docs/config.md has a row for " << key
                  << ", which does not exist";
  }
}

}  // namespace
}  // namespace perdure
