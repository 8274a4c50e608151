#ifndef PERDURE_RUNTIME_DEVICE_DEVICE_H_
#define PERDURE_RUNTIME_DEVICE_DEVICE_H_

// Where memory lives and work runs. The CPU is the first device; a CUDA device
// fills the same interface.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "runtime/base/status.h"

namespace perdure {

enum class DeviceKind { kCpu, kCuda };

class Device;

// Owns a piece of device memory. Move-only; freed on destruction.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Device* device, void* data, uint64_t bytes)
      : device_(device), data_(data), bytes_(bytes) {}
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  void* data() { return data_; }
  const void* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  Device* device_ = nullptr;
  void* data_ = nullptr;
  uint64_t bytes_ = 0;
};

// An in-order queue of work on a device; a cheap handle, copied freely. On the
// CPU work runs at once, on `threads` threads of the calling thread's team.
struct StreamView {
  Device* device = nullptr;
  int threads = 1;
  void* native = nullptr;  // cudaStream_t on a CUDA device
};

// One per rank; thread-compatible. Buffers must not outlive their device.
class Device {
 public:
  virtual ~Device() = default;
  virtual DeviceKind kind() const = 0;
  virtual std::string Describe() const = 0;  // "AMD EPYC, 2 cores, AVX-512"
  // 64-byte aligned, uninitialised; ResourceExhausted with the size asked for.
  virtual absl::StatusOr<Buffer> Allocate(uint64_t bytes) = 0;
  virtual StreamView stream() = 0;
  // Blocks until all work on the stream is done. Nothing to do on the CPU.
  virtual absl::Status Synchronize(StreamView stream) = 0;
  uint64_t bytes_in_use() const { return in_use_; }
  uint64_t peak_bytes() const { return peak_; }

 protected:
  friend class Buffer;
  virtual void Free(void* data, uint64_t bytes) = 0;
  void CountAllocation(uint64_t bytes);
  void CountFree(uint64_t bytes) { in_use_ -= bytes; }

 private:
  uint64_t in_use_ = 0;
  uint64_t peak_ = 0;
};

// A CPU device whose stream runs loops on `threads` threads (>= 1).
std::unique_ptr<Device> MakeCpuDevice(int threads);

// Calls body(begin, end) over [0, n) cut into equal chunks of about `grain` or
// more elements, one chunk after the other on each of the stream's threads. The
// cut depends on n and grain only, never on the thread count.
void ParallelFor(StreamView stream, int64_t n, int64_t grain,
                 absl::FunctionRef<void(int64_t begin, int64_t end)> body);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DEVICE_DEVICE_H_
