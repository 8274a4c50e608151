#ifndef PERDURE_RUNTIME_METRICS_CRC32C_H_
#define PERDURE_RUNTIME_METRICS_CRC32C_H_

// CRC-32C (Castagnoli; RFC 3720, appendix B.4), as TFRecord files need it. A
// table of bytes: event files are small, nothing else here uses a CRC.

#include <cstdint>

#include "absl/strings/string_view.h"

namespace perdure {

uint32_t Crc32c(absl::string_view data);

// The form that TFRecord stores: rotated and shifted, so that a CRC over data
// that holds CRCs stays strong.
uint32_t MaskedCrc32c(absl::string_view data);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_METRICS_CRC32C_H_
