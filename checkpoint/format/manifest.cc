#include "checkpoint/format/manifest.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr char kMagic[8] = {'P', 'E', 'R', 'D', 'M', 'A', 'N', '1'};

struct Trailer {
  uint64_t length;
  uint64_t checksum;
  char magic[8];
};
static_assert(sizeof(Trailer) == 24);

absl::Status Damaged(absl::string_view path, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(path, ": ", what));
}

}  // namespace

std::string EncodeManifest(const SnapshotManifest& manifest) {
  std::string bytes = manifest.SerializeAsString();
  Trailer trailer{bytes.size(), Checksum(bytes.data(), bytes.size()), {}};
  std::memcpy(trailer.magic, kMagic, sizeof(kMagic));
  bytes.append(reinterpret_cast<const char*>(&trailer), sizeof(trailer));
  return bytes;
}

absl::StatusOr<SnapshotManifest> DecodeManifest(absl::string_view bytes,
                                                absl::string_view path) {
  Trailer trailer;
  if (bytes.size() < sizeof(trailer)) {
    return Damaged(path, absl::StrCat("torn: only ", bytes.size(), " bytes"));
  }
  std::memcpy(&trailer, bytes.data() + bytes.size() - sizeof(trailer),
              sizeof(trailer));
  bytes.remove_suffix(sizeof(trailer));
  if (std::memcmp(trailer.magic, kMagic, sizeof(kMagic)) != 0) {
    return Damaged(path, "torn or damaged: no trailer at its end");
  }
  if (trailer.length != bytes.size() ||
      trailer.checksum != Checksum(bytes.data(), bytes.size())) {
    return Damaged(path, "damaged: its checksum does not match");
  }
  SnapshotManifest manifest;
  if (!manifest.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Damaged(path, "damaged: not a SnapshotManifest");
  }
  if (manifest.version() == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": format version 0, from before the format was final; with the ",
        "Perdure that wrote it, perdure-ckpt export makes a directory that ",
        "model.init_from takes"));
  }
  if (manifest.version() > kManifestVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": format version ", manifest.version(), ", this program knows ",
        kManifestVersion, "; use a newer Perdure"));
  }
  RETURN_IF_ERROR(Annotate(CheckManifest(manifest), path));
  return manifest;
}

absl::StatusOr<SnapshotManifest> ReadManifest(absl::string_view directory) {
  const std::string path = JoinPath(directory, kManifestName);
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (absl::IsNotFound(bytes.status())) {
    return Damaged(directory,
                   absl::StrCat("no ", kManifestName,
                                ": this is not a finished snapshot"));
  }
  RETURN_IF_ERROR(bytes.status());
  return DecodeManifest(*bytes, path);
}

ManifestRun ToManifest(const RunState& run) {
  ManifestRun message;
  message.set_run_id(run.run_id);
  message.set_generation(run.generation);
  message.set_parent_generation(run.parent_generation);
  message.set_fork_step(run.fork_step);
  message.set_step(run.step);
  message.set_samples(run.samples);
  message.set_tokens(run.tokens);
  message.set_loss_mean(run.loss_mean);
  message.set_bad_steps(run.bad_steps);
  message.set_updates(run.updates);
  if (run.error_squared != 0) {
    message.set_grad_squared(run.grad_squared);
    message.set_error_squared(run.error_squared);
  }
  if (run.validation_loss.has_value()) {
    message.set_validation_loss(*run.validation_loss);
  }
  if (run.validation_accuracy.has_value()) {
    message.set_validation_accuracy(*run.validation_accuracy);
  }
  message.set_config_text(run.config_text);
  message.set_topology(run.topology);
  return message;
}

RunState FromManifest(const ManifestRun& message) {
  RunState run;
  run.run_id = message.run_id();
  run.generation = message.generation();
  run.parent_generation = message.parent_generation();
  run.fork_step = message.fork_step();
  run.step = message.step();
  run.samples = message.samples();
  run.tokens = message.tokens();
  run.loss_mean = message.loss_mean();
  run.bad_steps = message.bad_steps();
  run.updates = message.updates();
  run.grad_squared = message.grad_squared();
  run.error_squared = message.error_squared();
  if (message.has_validation_loss()) {
    run.validation_loss = message.validation_loss();
  }
  if (message.has_validation_accuracy()) {
    run.validation_accuracy = message.validation_accuracy();
  }
  run.config_text = message.config_text();
  run.topology = message.topology();
  return run;
}

}  // namespace perdure
