#include "tests/fuzz/foreign_parsers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  perdure::FuzzPickle(data, size);
  return 0;
}
