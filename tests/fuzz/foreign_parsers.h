#ifndef PERDURE_TESTS_FUZZ_FOREIGN_PARSERS_H_
#define PERDURE_TESTS_FUZZ_FOREIGN_PARSERS_H_

// Parsers of foreign bytes as functions of bytes: for libFuzzer, and for the
// bounded run in the tests. Any input either parses or is an error; none ends
// the process.

#include <cstddef>
#include <cstdint>

namespace perdure {

void FuzzPickle(const uint8_t* data, size_t size);
void FuzzSafetensorsHeader(const uint8_t* data, size_t size);

}  // namespace perdure

#endif  // PERDURE_TESTS_FUZZ_FOREIGN_PARSERS_H_
