#include "launcher/supervisor/finished_steps.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/file.h"

namespace perdure {
namespace {

// Holds some lines: one of a step with many directions may be long.
constexpr uint64_t kTail = 64 << 10;

}  // namespace

int64_t FinishedSteps(absl::string_view run_dir) {
  const absl::StatusOr<File> file =
      File::Open(JoinPath(run_dir, "metrics.jsonl"), File::Mode::kRead);
  if (!file.ok()) return 0;
  const uint64_t size = file->Size().value_or(0);
  std::string tail(std::min(size, kTail), '\0');
  if (!file->ReadAt(size - tail.size(), tail.data(), tail.size()).ok()) {
    return 0;
  }
  // Backwards over whole lines: evaluations stand between the steps.
  size_t end = tail.rfind('\n');
  while (end != std::string::npos && end > 0) {
    const size_t before = tail.rfind('\n', end - 1);
    const size_t begin = before == std::string::npos ? 0 : before + 1;
    const nlohmann::json line = nlohmann::json::parse(
        tail.begin() + static_cast<ptrdiff_t>(begin),
        tail.begin() + static_cast<ptrdiff_t>(end), nullptr, false);
    if (line.is_object() && line.contains("loss") && line.contains("step") &&
        line["step"].is_number_integer()) {
      return line["step"].get<int64_t>();
    }
    end = before;
  }
  return 0;
}

}  // namespace perdure
