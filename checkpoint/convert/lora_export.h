#ifndef PERDURE_CHECKPOINT_CONVERT_LORA_EXPORT_H_
#define PERDURE_CHECKPOINT_CONVERT_LORA_EXPORT_H_

// The weights of a model with low-rank adapters in forms that other programs
// load.

#include <string>

#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "runtime/base/status.h"

namespace perdure {

// model.safetensors in `directory`: every adapted matrix W becomes W + alpha /
// r B A, summed in fp32 and rounded once to its own dtype; the rest as it is.
absl::Status WriteMergedWeights(SnapshotReader& snapshot, Storage& storage,
                                const std::string& directory);

// adapter_config.json and adapter_model.safetensors in `directory`, as PEFT's
// PeftModel.from_pretrained reads them. FailedPrecondition where more than the
// adapters was trained, which an adapter file cannot hold.
absl::Status WritePeftAdapter(SnapshotReader& snapshot, Storage& storage,
                              const std::string& directory);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_LORA_EXPORT_H_
