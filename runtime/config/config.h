#ifndef PERDURE_RUNTIME_CONFIG_CONFIG_H_
#define PERDURE_RUNTIME_CONFIG_CONFIG_H_

// Reading, overriding and checking the one configuration of a run.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/status.h"
#include "runtime/config/run.pb.h"

namespace perdure {

// Parses text format. Unknown fields are errors with the nearest names; every
// problem of the text is in the one InvalidArgument, each with file:line.
absl::StatusOr<RunConfig> ParseConfig(absl::string_view text,
                                      absl::string_view file_name);
absl::StatusOr<RunConfig> LoadConfig(absl::string_view path);

// Applies "path=value" assignments in order: "train.steps=10",
// "data.train.path=a.tokens" (a repeated field starts anew at its first
// assignment; "data.train[1].path=b" names an element), "model.init_from=DIR".
// A message may be given in text format: "topology={dp: 2}".
// All problems in one InvalidArgument, with the nearest field names.
absl::Status ApplyOverrides(const std::vector<std::string>& assignments,
                            RunConfig* config);

// The list of all problems, each "path: what is wrong; remedy". Empty: valid.
// Fills in nothing. `for_training` also requires steps, batch and data.
std::vector<std::string> ValidateConfig(const RunConfig& config,
                                        bool for_training);
// The same as an InvalidArgument with one line a problem, or OK.
absl::Status CheckConfig(const RunConfig& config, bool for_training);

// `config` with every default written out: the constant ones, and those that
// depend on other fields (kv_heads, ffn_hidden, micro_batch, min_lr,
// decay_steps, ...). What depends on the ranks or on files (topology.dp,
// data.tokenizer) stays as it is. model fields must be known (after init_from
// was read). Idempotent.
RunConfig ResolveConfig(const RunConfig& config);
ModelConfig ResolveModelConfig(const ModelConfig& model);

// The model of a run that starts from weights: `found`, the resolved config of
// these, with the run's own init_from, dropout and init_std. Any other field
// of `given` must equal `found`'s: else one InvalidArgument lists them all.
absl::StatusOr<ModelConfig> CompleteModelConfig(const ModelConfig& given,
                                                const ModelConfig& found);

// Paths and values of all fields in which two resolved configs differ, as
// "train.seed: 1 -> 2".
std::vector<std::string> DiffConfigs(const RunConfig& a, const RunConfig& b);

std::string ConfigToText(const RunConfig& config);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_CONFIG_CONFIG_H_
