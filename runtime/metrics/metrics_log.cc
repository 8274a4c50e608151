#include "runtime/metrics/metrics_log.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/metrics/event_file.h"

namespace perdure {
namespace {

// A line of metrics.jsonl, and where it stands: that of a step before what came
// after the step.
struct Line {
  enum Kind { kStep, kEvaluation, kLeftOut };
  int64_t step = -1;
  Kind kind = kStep;
  std::string text;
  bool operator<(const Line& other) const {
    return std::pair(step, kind) < std::pair(other.step, other.kind);
  }
};

// Step -1 for what is no line.
Line ParseLine(absl::string_view text) {
  Line line;
  const nlohmann::json object = nlohmann::json::parse(
      text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return line;
  const auto step = object.find("step");
  if (step == object.end() || !step->is_number_integer()) return line;
  line.step = step->get<int64_t>();
  line.kind = object.contains("val_loss")   ? Line::kEvaluation
              : object.contains("left_out") ? Line::kLeftOut
                                            : Line::kStep;
  line.text = std::string(text);
  return line;
}

// A number, or an array where there are several directions.
std::string NumberOrArray(const std::vector<double>& x) {
  if (x.size() == 1) return JsonNumber(x[0]);
  return absl::StrCat(
      "[",
      absl::StrJoin(x, ",",
                    [](std::string* out, double v) { *out += JsonNumber(v); }),
      "]");
}

std::string GradientFields(const StepRecord& record) {
  if (!record.zeroth_order()) {
    return absl::StrCat(",\"grad_norm\":", JsonNumber(record.grad_norm));
  }
  std::string text =
      absl::StrCat(",\"loss_plus\":", NumberOrArray(record.loss_plus));
  if (!record.loss_minus.empty()) {
    absl::StrAppend(&text,
                    ",\"loss_minus\":", NumberOrArray(record.loss_minus));
  }
  absl::StrAppend(&text,
                  ",\"projected_grad\":", NumberOrArray(record.projected_grad),
                  ",\"signal_to_noise\":", JsonNumber(record.signal_to_noise));
  return text;
}

std::string StepLine(const StepRecord& record) {
  return absl::StrCat(
      "{\"step\":", record.step, ",\"loss\":", JsonNumber(record.loss),
      ",\"tokens\":", record.tokens,
      ",\"seconds\":", JsonNumber(record.seconds),
      ",\"lr\":", JsonNumber(record.learning_rate), GradientFields(record),
      record.skipped ? ",\"skipped\":true}" : "}");
}

// Leaves the lines of steps up to last_step, and adds those that are missing of
// the finished ones. Lines are written without fsync, so after a crash of the
// machine any tail may be damaged, not only the last line: what does not read
// as a line is dropped wherever it stands.
absl::Status MendHistory(absl::string_view path, int64_t last_step,
                         absl::Span<const StepRecord> finished,
                         bool evaluates) {
  std::string text;
  if (FileExists(path)) {
    ASSIGN_OR_RETURN(text, ReadFile(path));
  }
  std::vector<Line> lines;
  std::set<int64_t> steps;
  for (absl::string_view piece : absl::StrSplit(text, '\n')) {
    // A last line without its end may be the front part of a longer number.
    if (piece.data() + piece.size() == text.data() + text.size()) continue;
    Line line = ParseLine(piece);
    if (line.step < 0 || line.step > last_step) continue;
    const bool last = line.step == last_step;
    if (line.kind == Line::kEvaluation && evaluates && last) continue;
    if (line.kind == Line::kStep) steps.insert(line.step);
    lines.push_back(std::move(line));
  }
  for (const StepRecord& record : finished) {
    if (!steps.contains(record.step)) {
      lines.push_back({record.step, Line::kStep, StepLine(record)});
    }
  }
  std::stable_sort(lines.begin(), lines.end());
  std::string mended;
  for (const Line& line : lines) absl::StrAppend(&mended, line.text, "\n");
  if (mended == text) return absl::OkStatus();
  return WriteFileAtomically(path, mended);
}

class FileMetricsLog : public MetricsLog {
 public:
  FileMetricsLog(File lines, EventFile events)
      : lines_(std::move(lines)), events_(std::move(events)) {}

  absl::Status Step(const StepRecord& record) override {
    const double seconds = record.seconds;
    RETURN_IF_ERROR(WriteLine(StepLine(record) + "\n"));
    std::vector<Scalar> scalars = {{"train/loss", record.loss},
                                   {"train/lr", record.learning_rate},
                                   {"train/seconds_per_step", seconds}};
    if (record.zeroth_order()) {
      scalars.push_back({"train/projected_grad_rms", record.grad_norm});
      scalars.push_back({"train/signal_to_noise", record.signal_to_noise});
    } else {
      scalars.push_back({"train/grad_norm", record.grad_norm});
    }
    if (seconds > 0) {
      scalars.push_back({"train/tokens_per_second", record.tokens / seconds});
    }
    return events_.Write(record.step, scalars);
  }

  absl::Status Evaluation(const EvaluationRecord& record) override {
    std::string line = absl::StrCat("{\"step\":", record.step,
                                    ",\"val_loss\":", JsonNumber(record.loss));
    std::vector<Scalar> scalars = {{"val/loss", record.loss}};
    if (record.accuracy.has_value()) {
      absl::StrAppend(&line,
                      ",\"val_accuracy\":", JsonNumber(*record.accuracy));
      scalars.push_back({"val/accuracy", *record.accuracy});
    }
    RETURN_IF_ERROR(WriteLine(line + "}\n"));
    return events_.Write(record.step, scalars);
  }

  absl::Status LeftOut(int64_t step, int64_t first, int64_t last) override {
    return WriteLine(absl::StrCat("{\"step\":", step, ",\"left_out\":[", first,
                                  ",", last, "]}\n"));
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
    absl::string_view run_dir, int64_t resume_step,
    absl::Span<const StepRecord> finished, bool evaluates) {
  const std::string path = JoinPath(run_dir, "metrics.jsonl");
  const bool resume = resume_step >= 0;
  if (resume)
    RETURN_IF_ERROR(MendHistory(path, resume_step, finished, evaluates));
  ASSIGN_OR_RETURN(
      File lines,
      File::Open(path, resume ? File::Mode::kAppend : File::Mode::kCreateNew));
  ASSIGN_OR_RETURN(EventFile events,
                   EventFile::Create(JoinPath(run_dir, "tensorboard"),
                                     resume ? resume_step + 1 : 0));
  return std::make_unique<FileMetricsLog>(std::move(lines), std::move(events));
}

}  // namespace perdure
