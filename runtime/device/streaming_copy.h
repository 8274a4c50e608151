#ifndef PERDURE_RUNTIME_DEVICE_STREAMING_COPY_H_
#define PERDURE_RUNTIME_DEVICE_STREAMING_COPY_H_

#include <cstdint>

namespace perdure {

// memcpy for what nobody reads soon: stores go around the caches, so that the
// target's old bytes are not fetched first and the caller's data stays cached.
// The bytes are visible to other threads as after memcpy.
void StreamingCopy(void* target, const void* source, uint64_t bytes);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DEVICE_STREAMING_COPY_H_
