#include "runtime/nn/hf_reader.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace perdure {

using Json = nlohmann::json;

bool HfReader::Has(const char* key) const {
  const auto it = json_.find(key);
  return it != json_.end() && !it->is_null();
}

std::string HfReader::Show(const char* key) const {
  const auto it = json_.find(key);
  if (it == json_.end()) return "(missing)";
  // Bytes that are no UTF-8 are replaced: dump would throw otherwise.
  return it->dump(-1, ' ', false, Json::error_handler_t::replace);
}

void HfReader::Problem(const char* key, absl::string_view supported) {
  problems_.push_back(
      absl::StrCat("config.json: ", key, ": ", Show(key), "; ", supported));
}

int32_t HfReader::RequiredInt(const char* key) {
  if (!Has(key)) {
    Problem(key, "a positive number is needed");
    return 1;
  }
  return Int(key, 1);
}

int32_t HfReader::Int(const char* key, int32_t default_value) {
  if (!Has(key)) return default_value;
  const Json& value = json_[key];
  if (value.is_number_integer()) {
    const int64_t number = value.get<int64_t>();
    if (number >= 1 && number <= std::numeric_limits<int32_t>::max()) {
      return static_cast<int32_t>(number);
    }
  }
  Problem(key, "a positive 32-bit number is needed");
  return default_value;
}

double HfReader::Double(const char* key, double default_value) {
  if (!Has(key)) return default_value;
  if (json_[key].is_number() && json_[key].get<double>() > 0) {
    return json_[key].get<double>();
  }
  Problem(key, "a positive number is needed");
  return default_value;
}

bool HfReader::Bool(const char* key, bool default_value) {
  if (!Has(key)) return default_value;
  if (json_[key].is_boolean()) return json_[key].get<bool>();
  Problem(key, "true or false is needed");
  return default_value;
}

std::string HfReader::String(const char* key, absl::string_view default_value) {
  if (!Has(key)) return std::string(default_value);
  if (json_[key].is_string()) return json_[key].get<std::string>();
  Problem(key, "a string is needed");
  return std::string(default_value);
}

void HfReader::RequireBool(const char* key, bool default_value, bool only_value,
                           absl::string_view supported) {
  if (Bool(key, default_value) != only_value) Problem(key, supported);
}

void HfReader::RequireAbsent(const char* key, absl::string_view supported) {
  if (Has(key)) Problem(key, supported);
}

absl::Status HfReader::status() const {
  if (problems_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(problems_, "\n"));
}

}  // namespace perdure
