#include "runtime/metrics/metrics_log.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/metrics/event_file.h"

namespace perdure {
namespace {

// The step of a line of metrics.jsonl, or -1 where it is not one.
int64_t StepOfLine(absl::string_view line) {
  const nlohmann::json object = nlohmann::json::parse(
      line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return -1;
  const auto step = object.find("step");
  if (step == object.end() || !step->is_number_integer()) return -1;
  return step->get<int64_t>();
}

// Leaves the lines of steps up to last_step. Lines are written without fsync,
// so after a crash of the machine any tail may be damaged, not only the last
// line: what does not read as a line is dropped wherever it stands.
absl::Status CutHistory(absl::string_view path, int64_t last_step) {
  if (!FileExists(path)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  std::string kept;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    // A last line without its end may be the front part of a longer number.
    const bool torn = line.data() + line.size() == text.data() + text.size();
    const int64_t step = torn ? -1 : StepOfLine(line);
    if (step >= 0 && step <= last_step) absl::StrAppend(&kept, line, "\n");
  }
  if (kept == text) return absl::OkStatus();
  return WriteFileAtomically(path, kept);
}

class FileMetricsLog : public MetricsLog {
 public:
  FileMetricsLog(File lines, EventFile events)
      : lines_(std::move(lines)), events_(std::move(events)) {}

  absl::Status Step(const StepRecord& record) override {
    const double seconds = record.seconds;
    RETURN_IF_ERROR(WriteLine(absl::StrCat(
        "{\"step\":", record.step, ",\"loss\":", JsonNumber(record.loss),
        ",\"tokens\":", record.tokens, ",\"seconds\":", JsonNumber(seconds),
        ",\"lr\":", JsonNumber(record.learning_rate),
        ",\"grad_norm\":", JsonNumber(record.grad_norm),
        record.skipped ? ",\"skipped\":true}\n" : "}\n")));
    std::vector<Scalar> scalars = {{"train/loss", record.loss},
                                   {"train/grad_norm", record.grad_norm},
                                   {"train/lr", record.learning_rate},
                                   {"train/seconds_per_step", seconds}};
    if (seconds > 0) {
      scalars.push_back({"train/tokens_per_second", record.tokens / seconds});
    }
    return events_.Write(record.step, scalars);
  }

  absl::Status Evaluation(int64_t step, double val_loss) override {
    RETURN_IF_ERROR(WriteLine(absl::StrCat(
        "{\"step\":", step, ",\"val_loss\":", JsonNumber(val_loss), "}\n")));
    return events_.Write(step, {{"val/loss", val_loss}});
  }

 private:
  // One write(2) a line, so that no reader sees half of one from us.
  absl::Status WriteLine(const std::string& line) {
    return lines_.Write(line.data(), line.size());
  }

  File lines_;
  EventFile events_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsLog>> MetricsLog::Open(
    absl::string_view run_dir, int64_t resume_step) {
  const std::string path = JoinPath(run_dir, "metrics.jsonl");
  const bool resume = resume_step >= 0;
  if (resume) RETURN_IF_ERROR(CutHistory(path, resume_step));
  ASSIGN_OR_RETURN(
      File lines,
      File::Open(path, resume ? File::Mode::kAppend : File::Mode::kCreateNew));
  ASSIGN_OR_RETURN(EventFile events,
                   EventFile::Create(JoinPath(run_dir, "tensorboard"),
                                     resume ? resume_step + 1 : 0));
  return std::make_unique<FileMetricsLog>(std::move(lines), std::move(events));
}

}  // namespace perdure
