#ifndef PERDURE_CHECKPOINT_FOREIGN_UNIVERSAL_DIRECTORY_H_
#define PERDURE_CHECKPOINT_FOREIGN_UNIVERSAL_DIRECTORY_H_

// DeepSpeed's universal checkpoints: zero/<parameter>/fp32.pt, exp_avg.pt,
// exp_avg_sq.pt, step.pt, as ds_to_universal.py writes them.

#include <string>

#include "checkpoint/foreign/tensor_source.h"
#include "runtime/base/status.h"

namespace perdure {

// `directory` is the one that holds zero/, or the run's, whose
// latest_universal names it. fp32 is kWeight, the averages are kMoment1 and
// kMoment2. The parameters' common step is run.step. State that is not Adam's
// is named in the notes and left out. A file with neither "param" nor a lone
// tensor, or steps that disagree: FailedPrecondition.
bool IsUniversalDirectory(const std::string& directory);
absl::StatusOr<TensorSource> OpenUniversal(const std::string& directory);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_FOREIGN_UNIVERSAL_DIRECTORY_H_
