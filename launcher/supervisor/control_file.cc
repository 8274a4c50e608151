#include "launcher/supervisor/control_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

std::string PathIn(absl::string_view directory) {
  return JoinPath(directory, "control.json");
}

}  // namespace

absl::Status WriteControlFile(absl::string_view directory,
                              const ControlAddress& address) {
  const std::string path = PathIn(directory);
  const std::string text = nlohmann::json{
      {"address", address.address},
      {"token", address.token}}.dump();
  // One of a launch that was killed may be there, with other rights.
  unlink(path.c_str());
  const int fd =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus("creating", path, errno);
  const ssize_t written = write(fd, text.data(), text.size());
  const int error = written < 0 ? errno : ENOSPC;
  close(fd);
  if (written == static_cast<ssize_t>(text.size())) return absl::OkStatus();
  return ErrnoStatus("writing", path, error);
}

absl::StatusOr<ControlAddress> ReadControlFile(absl::string_view directory) {
  const std::string path = PathIn(directory);
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        absl::StrCat(path, ": not there; no perdure-launch is running here"));
  }
  RETURN_IF_ERROR(text.status());
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() ||
      !json.value("address", nlohmann::json()).is_string() ||
      !json.value("token", nlohmann::json()).is_string()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": damaged; stop perdure-launch by SIGTERM"));
  }
  return ControlAddress{json["address"].get<std::string>(),
                        json["token"].get<std::string>()};
}

void RemoveControlFile(absl::string_view directory) {
  unlink(PathIn(directory).c_str());
}

}  // namespace perdure
