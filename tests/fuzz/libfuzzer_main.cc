// libFuzzer's entry; PERDURE_FUZZ_TARGET is one of targets.h.

#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  perdure::PERDURE_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
