#include "runtime/config/config.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/text_format.h"
#include "runtime/base/file.h"
#include "runtime/config/text_parser.h"

namespace perdure {

absl::StatusOr<RunConfig> ParseConfig(absl::string_view text,
                                      absl::string_view file_name) {
  RunConfig config;
  std::vector<std::string> messages;
  for (const auto& [line, problem] : ParseText(text, &config)) {
    messages.push_back(absl::StrCat(file_name, ":", line, ": ", problem));
  }
  if (messages.empty()) return config;
  return absl::InvalidArgumentError(absl::StrJoin(messages, "\n"));
}

absl::StatusOr<RunConfig> LoadConfig(absl::string_view path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseConfig(text, path);
}

absl::Status CheckConfig(const RunConfig& config, bool for_training) {
  const std::vector<std::string> problems =
      ValidateConfig(config, for_training);
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
}

std::string ConfigToText(const RunConfig& config) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(config, &text);
  return text;
}

}  // namespace perdure
