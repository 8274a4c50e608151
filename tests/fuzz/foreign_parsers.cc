#include "tests/fuzz/foreign_parsers.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "checkpoint/foreign/pickle.h"
#include "checkpoint/format/safetensors.h"
#include "runtime/base/file.h"

namespace perdure {

void FuzzPickle(const uint8_t* data, size_t size) {
  const auto tree =
      Unpickle(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (tree.ok()) Flatten(*tree).status().IgnoreError();
}

void FuzzSafetensorsHeader(const uint8_t* data, size_t size) {
  const int memory = memfd_create("safetensors", MFD_CLOEXEC);
  if (memory < 0) return;
  if (write(memory, data, size) == static_cast<ssize_t>(size)) {
    const auto file =
        File::Open(absl::StrCat("/proc/self/fd/", memory), File::Mode::kRead);
    if (file.ok()) ReadSafetensorsHeader(*file).status().IgnoreError();
  }
  close(memory);
}

}  // namespace perdure
