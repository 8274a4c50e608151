#ifndef PERDURE_RUNTIME_NN_HF_READER_H_
#define PERDURE_RUNTIME_NN_HF_READER_H_

// Typed access to a config.json that gathers every problem. Private to
// runtime/nn.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status.h"

namespace perdure {

class HfReader {
 public:
  explicit HfReader(nlohmann::json json) : json_(std::move(json)) {}

  // A missing or null key counts as absent. A value of the wrong type is a
  // problem, and the default is returned.
  bool Has(const char* key) const;
  int32_t RequiredInt(const char* key);
  int32_t Int(const char* key, int32_t default_value);
  double Double(const char* key, double default_value);
  bool Bool(const char* key, bool default_value);
  std::string String(const char* key, absl::string_view default_value);

  // Settings with a single value that Perdure can honour. `supported` says
  // what that is.
  void RequireBool(const char* key, bool default_value, bool only_value,
                   absl::string_view supported);
  void RequireAbsent(const char* key, absl::string_view supported);
  // The text of a key's value, for messages.
  std::string Show(const char* key) const;
  void Problem(const char* key, absl::string_view supported);

  const nlohmann::json& json() const { return json_; }
  // All problems in one InvalidArgument, or OK.
  absl::Status status() const;

 private:
  nlohmann::json json_;
  std::vector<std::string> problems_;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_NN_HF_READER_H_
