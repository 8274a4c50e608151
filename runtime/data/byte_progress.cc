#include "runtime/data/byte_progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

constexpr int kBarWidth = 20;
constexpr double kBarSeconds = 0.2;
constexpr double kLineSeconds = 10;

}  // namespace

std::string FormatProgress(absl::string_view label, uint64_t bytes,
                           uint64_t total_bytes, double seconds) {
  const double speed = seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
  std::string text = absl::StrFormat("%s  ", label);
  if (total_bytes > 0) {
    const double done = std::min(
        1.0, static_cast<double>(bytes) / static_cast<double>(total_bytes));
    const int filled = static_cast<int>(done * kBarWidth);
    absl::StrAppend(
        &text, "[", std::string(filled, '#'),
        std::string(kBarWidth - filled, '-'),
        absl::StrFormat("] %3d %%  ", static_cast<int>(done * 100)));
  }
  absl::StrAppend(&text, HumanBytes(bytes),
                  absl::StrFormat("  %.1f MB/s", speed / 1e6));
  if (total_bytes > bytes && speed > 0) {
    absl::StrAppend(
        &text, "  eta ",
        HumanDuration(static_cast<double>(total_bytes - bytes) / speed));
  }
  return text;
}

ByteProgress::ByteProgress(absl::string_view label, uint64_t total_bytes,
                           bool terminal, std::FILE* out)
    : label_(label),
      total_bytes_(total_bytes),
      terminal_(terminal),
      out_(out),
      start_(std::chrono::steady_clock::now()) {}

ByteProgress::~ByteProgress() {
  if (bar_shown_) std::fputs("\r\x1b[K", out_);
}

double ByteProgress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                       start_)
      .count();
}

void ByteProgress::Update(uint64_t bytes) {
  const double now = seconds();
  if (now - shown_at_ < (terminal_ ? kBarSeconds : kLineSeconds)) return;
  shown_at_ = now;
  const std::string line = FormatProgress(label_, bytes, total_bytes_, now);
  if (terminal_) {
    std::fprintf(out_, "\r%s\x1b[K", line.c_str());
    bar_shown_ = true;
  } else {
    std::fprintf(out_, "%s\n", line.c_str());
  }
  std::fflush(out_);
}

}  // namespace perdure
