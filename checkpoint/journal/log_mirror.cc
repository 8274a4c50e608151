#include "checkpoint/journal/log_mirror.h"

#include <cstring>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checkpoint/journal/copies_transfer.h"
#include "checkpoint/journal/names.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr int kWriter = 0;
constexpr int kKeeper = 1;

// Goes before the bytes of a message.
struct Command {
  enum Kind : int64_t { kCreate, kAppend, kAppendDurably, kRelease };
  int64_t kind = kRelease;
  int64_t where = 0;  // generation to create, offset to append at
};

absl::Status Tell(Communicator& pair, const Command& command,
                  absl::string_view bytes) {
  std::string message(sizeof(command), '\0');
  std::memcpy(message.data(), &command, sizeof(command));
  absl::StrAppend(&message, bytes);
  return SendBytes(pair, kKeeper, message);
}

// The keeper's answer: a code and a text.
absl::Status Answer(Communicator& pair, const absl::Status& status) {
  std::string message(1, static_cast<char>(status.code()));
  absl::StrAppend(&message, status.message());
  return SendBytes(pair, kWriter, message);
}

absl::Status ParseAnswer(absl::string_view answer) {
  if (answer.empty()) {
    return absl::InternalError("the journal's keeper gave no answer");
  }
  return absl::Status(static_cast<absl::StatusCode>(answer[0]),
                      answer.substr(1));
}

// Leaves the bytes that go with it.
absl::StatusOr<Command> TakeCommand(absl::string_view* message) {
  Command command;
  if (message->size() < sizeof(command)) {
    return absl::InternalError("the journal's writer sent no command");
  }
  std::memcpy(&command, message->data(), sizeof(command));
  message->remove_prefix(sizeof(command));
  return command;
}

absl::StatusOr<std::map<int64_t, uint64_t>> LogSizes(
    const std::string& run_dir) {
  std::map<int64_t, uint64_t> sizes;
  const std::string directory = JoinPath(run_dir, kJournalDirectory);
  if (!IsDirectory(directory)) return sizes;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(directory));
  for (const std::string& name : names) {
    const std::optional<int64_t> generation = ParseJournalName(name);
    if (!generation.has_value()) continue;
    ASSIGN_OR_RETURN(const File file,
                     File::Open(JoinPath(directory, name), File::Mode::kRead));
    ASSIGN_OR_RETURN(sizes[*generation], file.Size());
  }
  return sizes;
}

absl::Status NewerGeneration(const std::string& path) {
  return absl::AlreadyExistsError(absl::StrCat(
      path,
      " exists: a newer launch of this run has taken over; this one "
      "ends"));
}

}  // namespace

absl::Status LogMirror::Create(int64_t generation, absl::string_view bytes) {
  RETURN_IF_ERROR(Tell(*pair_, {Command::kCreate, generation}, bytes));
  return EndAppend();
}

absl::Status LogMirror::BeginAppend(uint64_t offset, absl::string_view bytes,
                                    bool durable) {
  return Tell(*pair_,
              {durable ? Command::kAppendDurably : Command::kAppend,
               static_cast<int64_t>(offset)},
              bytes);
}

absl::Status LogMirror::EndAppend() {
  const absl::StatusOr<std::string> answer = ReceiveBytes(*pair_, kKeeper);
  RETURN_IF_ERROR(answer.status());
  const absl::Status status = ParseAnswer(*answer);
  return Annotate(status, absl::StrCat("the second copy, on ", keeper_host_));
}

absl::Status LogMirror::Release() {
  return Tell(*pair_, {Command::kRelease, 0}, "");
}

absl::Status LogKeeper::Watch() {
  ASSIGN_OR_RETURN(sizes_, LogSizes(run_dir_));
  return absl::OkStatus();
}

absl::Status LogKeeper::Serve() {
  while (true) {
    const absl::StatusOr<std::string> message = ReceiveBytes(*pair_, kWriter);
    RETURN_IF_ERROR(message.status());
    absl::string_view bytes = *message;
    ASSIGN_OR_RETURN(const Command command, TakeCommand(&bytes));
    if (command.kind == Command::kRelease) return absl::OkStatus();
    const absl::Status status =
        command.kind == Command::kCreate
            ? Create(command.where, bytes)
            : Append(static_cast<uint64_t>(command.where), bytes,
                     command.kind == Command::kAppendDurably);
    RETURN_IF_ERROR(Answer(*pair_, status));
  }
}

absl::Status LogKeeper::Create(int64_t generation, absl::string_view bytes) {
  const std::string directory = JoinPath(run_dir_, kJournalDirectory);
  RETURN_IF_ERROR(storage_->CreateDirectories(directory));
  RETURN_IF_ERROR(storage_->SyncDirectory(run_dir_));
  const std::string path = JournalPath(run_dir_, generation);
  absl::StatusOr<std::unique_ptr<StorageFile>> file = storage_->Create(path);
  if (!file.ok() && FileExists(path)) return NewerGeneration(path);
  RETURN_IF_ERROR(file.status());
  file_ = *std::move(file);
  generation_ = generation;
  // A live launch has seen the name from now on, before it tells a step. What
  // it told before is seen here, and the log stays without a header then: a
  // generation that never ran.
  RETURN_IF_ERROR(storage_->SyncDirectory(directory));
  Expect(generation, 0);
  ASSIGN_OR_RETURN(const auto sizes, LogSizes(run_dir_));
  if (sizes != sizes_) {
    return absl::AlreadyExistsError(absl::StrCat(
        run_dir_,
        ": the journal grew while this launch was starting: another "
        "launch of the run is alive; end it, then --resume"));
  }
  Expect(generation, bytes.size());
  RETURN_IF_ERROR(file_->WriteAt(0, bytes.data(), bytes.size()));
  return file_->Sync();
}

absl::Status LogKeeper::Append(uint64_t offset, absl::string_view bytes,
                               bool durable) {
  if (file_ == nullptr) {
    return absl::InternalError("a record came before its log was made");
  }
  if (!bytes.empty()) {
    RETURN_IF_ERROR(file_->WriteAt(offset, bytes.data(), bytes.size()));
  }
  if (durable) RETURN_IF_ERROR(file_->Sync());
  // Behind the write, as the writer does.
  const std::string next = JournalPath(run_dir_, generation_ + 1);
  return FileExists(next) ? NewerGeneration(next) : absl::OkStatus();
}

}  // namespace perdure
