// libFuzzer's entry: fuzz_journal tests/fuzz/corpus/journal

#include <cstddef>
#include <cstdint>

#include "tests/fuzz/journal_fuzzer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  perdure::FuzzJournal({reinterpret_cast<const char*>(data), size});
  return 0;
}
