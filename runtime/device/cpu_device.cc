#include <cstdlib>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/text.h"
#include "runtime/device/device.h"

namespace perdure {
namespace {

constexpr uint64_t kAlignment = 64;

std::string CpuModel() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    if (absl::StartsWith(line, "model name")) {
      return line.substr(line.find(':') + 2);
    }
  }
  return "unknown CPU";
}

const char* VectorLevel() {
  if (__builtin_cpu_supports("avx512f")) return "AVX-512";
  if (__builtin_cpu_supports("avx2")) return "AVX2";
  return "baseline";
}

class CpuDevice : public Device {
 public:
  explicit CpuDevice(int threads) : threads_(threads) {}

  DeviceKind kind() const override { return DeviceKind::kCpu; }

  std::string Describe() const override {
    return absl::StrCat(CpuModel(), ", ", std::thread::hardware_concurrency(),
                        " cores, ", VectorLevel(), ", ", threads_,
                        threads_ == 1 ? " thread a rank" : " threads a rank");
  }

  absl::StatusOr<Buffer> Allocate(uint64_t bytes) override {
    const uint64_t rounded = std::max(
        (bytes + kAlignment - 1) / kAlignment * kAlignment, kAlignment);
    void* data = std::aligned_alloc(kAlignment, rounded);
    if (data == nullptr) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "no memory for ", HumanBytes(bytes), " more (",
          HumanBytes(bytes_in_use()),
          " in use by this rank); use a smaller train.micro_batch, "
          "train.recompute: true, or more ranks"));
    }
    CountAllocation(rounded);
    return Buffer(this, data, rounded);
  }

  StreamView stream() override { return {this, threads_, nullptr}; }
  absl::Status Synchronize(StreamView) override { return absl::OkStatus(); }

 private:
  void Free(void* data, uint64_t bytes) override {
    std::free(data);
    CountFree(bytes);
  }

  int threads_;
};

}  // namespace

std::unique_ptr<Device> MakeCpuDevice(int threads) {
  return std::make_unique<CpuDevice>(threads);
}

}  // namespace perdure
