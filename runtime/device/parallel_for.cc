#include <algorithm>

#include "runtime/device/device.h"

namespace perdure {

void ParallelFor(StreamView stream, int64_t n, int64_t grain,
                 absl::FunctionRef<void(int64_t begin, int64_t end)> body) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const int64_t chunks = std::max<int64_t>(n / grain, 1);
  const auto bound = [n, chunks](int64_t chunk) {
    return chunk * (n / chunks) + std::min(chunk, n % chunks);
  };
  if (chunks == 1 || stream.threads <= 1) {
    for (int64_t c = 0; c < chunks; ++c) body(bound(c), bound(c + 1));
    return;
  }
#pragma omp parallel for schedule(static) num_threads(stream.threads)
  for (int64_t c = 0; c < chunks; ++c) body(bound(c), bound(c + 1));
}

}  // namespace perdure
