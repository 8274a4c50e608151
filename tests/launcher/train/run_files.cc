#include "tests/launcher/train/run_files.h"

#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"

namespace perdure {

std::string RunFile(const std::string& run_dir, const std::string& name) {
  absl::StatusOr<std::string> content = ReadFile(JoinPath(run_dir, name));
  EXPECT_TRUE(content.ok()) << content.status();
  return content.value_or("");
}

std::vector<double> RunLosses(const std::string& run_dir) {
  std::vector<double> losses;
  const std::string lines = RunFile(run_dir, "metrics.jsonl");
  for (absl::string_view line :
       absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    const nlohmann::json object = nlohmann::json::parse(line);
    if (!object.contains("loss")) continue;
    EXPECT_EQ(object["step"], losses.size() + 1);
    losses.push_back(object["loss"]);
  }
  return losses;
}

}  // namespace perdure
