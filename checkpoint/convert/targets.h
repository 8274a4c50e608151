#ifndef PERDURE_CHECKPOINT_CONVERT_TARGETS_H_
#define PERDURE_CHECKPOINT_CONVERT_TARGETS_H_

// What conversions write. Private to this component. All write below the
// target's temporary name and rename at the end.

#include <string>
#include <vector>

#include "checkpoint/convert/open_source.h"
#include "checkpoint/convert/paths.h"
#include "checkpoint/convert/resumable_storage.h"
#include "checkpoint/convert/tensor_pieces.h"
#include "checkpoint/foreign/flat_file.h"
#include "runtime/base/status.h"

namespace perdure {

// A snapshot of the source's run state; the source has a model. `recast`: the
// dtypes are not those that config.json says.
absl::Status WriteSnapshotTarget(const CanonicalSource& source, bool recast,
                                 const NewDirectory& target,
                                 ResumableStorage& storage,
                                 TensorPieces& pieces);

// Small files beside the tensors: name, content.
using SideFiles = std::vector<std::pair<std::string, std::string>>;

// config.json and the tokenizer's files.
absl::StatusOr<SideFiles> HuggingFaceSideFiles(const CanonicalSource& source,
                                               bool recast);

// A directory with model.safetensors.
absl::Status WriteSafetensorsTarget(const std::vector<ConvertedTensor>& tensors,
                                    const SideFiles& side_files,
                                    const NewDirectory& target,
                                    ResumableStorage& storage,
                                    TensorPieces& pieces);

// One file: a header and the tensors in the format's order. Their names, shapes
// and dtypes are the format's.
absl::Status WriteFlatTarget(const FlatFormat& format,
                             const NewDirectory& target,
                             ResumableStorage& storage, TensorPieces& pieces);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_TARGETS_H_
