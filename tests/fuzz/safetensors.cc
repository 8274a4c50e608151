#include "checkpoint/format/safetensors.h"

#include <sys/mman.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "runtime/base/file.h"
#include "tests/fuzz/targets.h"

namespace perdure {

void FuzzSafetensorsHeader(absl::string_view bytes) {
  const int memory = memfd_create("safetensors", MFD_CLOEXEC);
  PCHECK(memory >= 0);
  PCHECK(write(memory, bytes.data(), bytes.size()) ==
         static_cast<ssize_t>(bytes.size()));
  const auto file =
      File::Open(absl::StrCat("/proc/self/fd/", memory), File::Mode::kRead);
  CHECK(file.ok()) << file.status();
  ReadSafetensorsHeader(*file).status().IgnoreError();
  close(memory);
}

}  // namespace perdure
