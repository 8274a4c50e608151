#include "checkpoint/journal/generation_log.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "checkpoint/journal/frames.h"
#include "checkpoint/journal/names.h"
#include "checkpoint/journal/step_codec.h"
#include "runtime/base/file.h"

namespace perdure {

absl::StatusOr<std::unique_ptr<GenerationLog>> GenerationLog::Create(
    Storage& storage, absl::string_view run_dir, int64_t above,
    JournalHeader header, LogMirror* mirror) {
  const std::string directory = JoinPath(run_dir, kJournalDirectory);
  if (!IsDirectory(directory)) {
    RETURN_IF_ERROR(storage.CreateDirectories(directory));
    RETURN_IF_ERROR(storage.SyncDirectory(run_dir));
  }
  std::unique_ptr<GenerationLog> log(new GenerationLog(storage, run_dir));
  log->generation_ = above;
  log->mirror_ = mirror;
  while (log->file_ == nullptr) {
    log->path_ = JournalPath(run_dir, ++log->generation_);
    auto file = storage.Create(log->path_);
    if (file.ok()) {
      log->file_ = *std::move(file);
    } else if (!FileExists(log->path_)) {
      return file.status();
    }
  }
  // A crash from here on leaves a torn header: a number that nobody has.
  header.set_version(kJournalVersion);
  header.set_generation(log->generation_);
  std::string bytes(kJournalMagic);
  log->key_ = AppendFrame(0, bytes.size(), header.SerializeAsString(), &bytes);
  log->end_ = bytes.size();
  if (mirror != nullptr) {
    RETURN_IF_ERROR(mirror->Create(log->generation_, bytes));
  }
  RETURN_IF_ERROR(log->file_->WriteAt(0, bytes.data(), bytes.size()));
  RETURN_IF_ERROR(log->file_->Sync());
  RETURN_IF_ERROR(storage.SyncDirectory(directory));
  return log;
}

absl::Status GenerationLog::Write(absl::string_view bytes, bool durable) {
  if (mirror_ != nullptr) {
    RETURN_IF_ERROR(mirror_->BeginAppend(end_, bytes, durable));
  }
  absl::Status status;
  if (!bytes.empty()) status = file_->WriteAt(end_, bytes.data(), bytes.size());
  if (status.ok() && durable) status = file_->Sync();
  if (mirror_ != nullptr) status.Update(mirror_->EndAppend());
  RETURN_IF_ERROR(status);
  end_ += bytes.size();
  if (durable) unsynced_ = 0;
  return absl::OkStatus();
}

absl::Status GenerationLog::Append(const JournalRecord& record, bool durable) {
  std::string bytes;
  AppendFrame(key_, end_, record.SerializeAsString(), &bytes);
  return Write(bytes, durable);
}

absl::Status GenerationLog::AppendStep(const StepRecord& record) {
  if (!failed_.ok()) return failed_;
  JournalRecord message;
  *message.mutable_step() = EncodeStep(record);
  ++unsynced_;
  failed_ = Append(message, /*durable=*/unsynced_ >= sync_every_);
  // Behind the write, not before it: a generation that begins in between has
  // seen the record, or this one sees that generation.
  if (failed_.ok()) failed_ = CheckNewest();
  if (!failed_.ok()) {
    failed_ = absl::Status(
        failed_.code(),
        absl::StrCat("step ", record.step,
                     " is not counted, its record is not in the journal: ",
                     failed_.message()));
  }
  return failed_;
}

absl::Status GenerationLog::AppendEvent(JournalEvent::Kind kind, int64_t step,
                                        absl::string_view text) {
  if (!failed_.ok()) return failed_;
  JournalRecord message;
  JournalEvent* event = message.mutable_event();
  event->set_kind(kind);
  event->set_step(step);
  event->set_unix_milliseconds(absl::ToUnixMillis(absl::Now()));
  if (!text.empty()) event->set_text(std::string(text));
  failed_ = Append(message, /*durable=*/true);
  return failed_;
}

absl::Status GenerationLog::Sync() { return Write("", /*durable=*/true); }

absl::Status GenerationLog::CheckNewest() const {
  // Generations take numbers one by one, so the next one's name will do.
  const std::string next = JournalPath(run_dir_, generation_ + 1);
  if (!FileExists(next)) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat(next,
                   " exists: a newer launch of this run has taken over; "
                   "this one ends"));
}

}  // namespace perdure
