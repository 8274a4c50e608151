#ifndef PERDURE_RUNTIME_CONFIG_PROBLEMS_H_
#define PERDURE_RUNTIME_CONFIG_PROBLEMS_H_

// The list of a config's problems. Private to runtime/config.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// Each problem is "path: what is wrong; remedy".
class Problems {
 public:
  void Add(absl::string_view path, absl::string_view text);

  // Ranges of one field's value.
  void RequireAtLeast(absl::string_view path, int64_t value, int64_t least);
  void RequireWithin(absl::string_view path, int64_t value, int64_t least,
                     int64_t most);
  void RequirePositive(absl::string_view path, double value);
  void RequireNotNegative(absl::string_view path, double value);
  void RequireFraction(absl::string_view path, double value);  // [0, 1)
  void RequireNotEmpty(absl::string_view path, bool given,
                       absl::string_view value);

  std::vector<std::string> Take() { return std::move(problems_); }

 private:
  std::vector<std::string> problems_;
};

// The sections of ValidateConfig.
void ValidateModel(const ModelConfig& model, bool for_training,
                   Problems* problems);
void ValidateData(const RunConfig& config, bool for_training,
                  Problems* problems);
void ValidateTrain(const RunConfig& config, bool for_training,
                   Problems* problems);
void ValidateOptim(const RunConfig& config, Problems* problems);
void ValidateTopology(const RunConfig& config, Problems* problems);
// Nothing without a task.
void ValidateTask(const RunConfig& config, bool for_training,
                  Problems* problems);
void ValidateResilience(const RunConfig& config, Problems* problems);
// Of resilience too: what concerns slow ranks.
void ValidateStragglers(const RunConfig& config, Problems* problems);
void ValidateZerothOrder(const RunConfig& config, Problems* problems);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_CONFIG_PROBLEMS_H_
