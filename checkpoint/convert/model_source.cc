#include <memory>
#include <string>
#include <utility>

#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/convert/open_source.h"
#include "checkpoint/convert/snapshot_source.h"

namespace perdure {

absl::StatusOr<ModelSource> OpenModelSource(absl::string_view path) {
  ModelSource source;
  if (LooksLikeSnapshot(path)) {
    ASSIGN_OR_RETURN(const std::string directory, ResolveSnapshot(path));
    ASSIGN_OR_RETURN(std::unique_ptr<Snapshot> snapshot,
                     Snapshot::Open(directory));
    source.model = snapshot->model();
    source.directory = snapshot->directory();
    source.is_snapshot = true;
    source.source = std::move(snapshot);
    return source;
  }
  ReadOptions options;
  options.needs_model = true;
  ASSIGN_OR_RETURN(CanonicalSource canonical,
                   OpenCanonical(std::string(path), options));
  source.model = *canonical.model;
  source.directory =
      canonical.directory.empty() ? std::string(path) : canonical.directory;
  source.source = std::make_unique<ConvertedSource>(
      canonical.description, source.model, std::move(canonical.tensors));
  return source;
}

}  // namespace perdure
