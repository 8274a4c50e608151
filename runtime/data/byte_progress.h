#ifndef PERDURE_RUNTIME_DATA_BYTE_PROGRESS_H_
#define PERDURE_RUNTIME_DATA_BYTE_PROGRESS_H_

// How far a program is through its input: a bar on a terminal, a line now and
// then elsewhere.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/string_view.h"

namespace perdure {

class ByteProgress {
 public:
  // total_bytes 0: not known, no percentage and no ETA.
  ByteProgress(absl::string_view label, uint64_t total_bytes, bool terminal,
               std::FILE* out);
  ~ByteProgress();  // takes the bar away
  ByteProgress(const ByteProgress&) = delete;
  ByteProgress& operator=(const ByteProgress&) = delete;
  void Update(uint64_t bytes);
  double seconds() const;

 private:
  const std::string label_;
  const uint64_t total_bytes_;
  const bool terminal_;
  std::FILE* const out_;
  const std::chrono::steady_clock::time_point start_;
  double shown_at_ = 0;  // seconds
  bool bar_shown_ = false;
};

// "tokenize  [#####---------------]  25 %  1.00 GiB  31.2 MB/s  eta 1m 20s".
std::string FormatProgress(absl::string_view label, uint64_t bytes,
                           uint64_t total_bytes, double seconds);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_BYTE_PROGRESS_H_
