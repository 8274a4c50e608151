#include "checkpoint/journal/copies_transfer.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "checkpoint/journal/names.h"
#include "checkpoint/journal/scan.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

constexpr int kTag = 0;
// MPI counts in int.
constexpr uint64_t kMessageBytes = uint64_t{64} << 20;

absl::Status SendOne(Communicator& comm, int to, const void* data,
                     uint64_t bytes) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CommRequest> request,
                   comm.Send(data, bytes, to, kTag));
  return request->Wait();
}

absl::Status ReceiveOne(Communicator& comm, int from, void* data,
                        uint64_t bytes) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CommRequest> request,
                   comm.Receive(data, bytes, from, kTag));
  return request->Wait();
}

absl::StatusOr<JournalScan> Scan(absl::string_view bytes,
                                 const std::string& path) {
  return ScanJournal(bytes, path, [](const JournalRecord&, JournalPosition) {});
}

absl::StatusOr<std::string> ReadLog(absl::string_view run_dir,
                                    const LogMove& move) {
  ASSIGN_OR_RETURN(std::string bytes,
                   ReadFile(JournalPath(run_dir, move.generation)));
  bytes.resize(std::min<uint64_t>(bytes.size(), move.bytes));
  return bytes;
}

// Whatever has the name of a log that comes, and is another one.
absl::Status PutAside(Storage& storage, const std::string& path, uint64_t key) {
  if (!FileExists(path)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  const absl::StatusOr<JournalScan> scan = Scan(bytes, path);
  if (scan.ok() && scan->after_header.checksum == key) return absl::OkStatus();
  int n = 1;
  while (FileExists(absl::StrCat(path, ".other-", n))) ++n;
  return storage.Rename(path, absl::StrCat(path, ".other-", n));
}

absl::Status Install(Storage& storage, absl::string_view run_dir,
                     const LogMove& move, absl::string_view bytes) {
  const std::string path = JournalPath(run_dir, move.generation);
  ASSIGN_OR_RETURN(const JournalScan scan, Scan(bytes, path));
  if (scan.after_header.checksum != move.key ||
      scan.end != JournalPosition{move.bytes, move.checksum}) {
    return absl::DataLossError(
        absl::StrCat(path,
                     ": what came from another node is not the log that "
                     "it offered; is a launch of this run alive?"));
  }
  const std::string directory = JoinPath(run_dir, kJournalDirectory);
  RETURN_IF_ERROR(storage.CreateDirectories(directory));
  RETURN_IF_ERROR(storage.SyncDirectory(run_dir));
  const std::string temporary =
      JoinPath(directory, absl::StrCat(".", JournalName(move.generation)));
  RETURN_IF_ERROR(storage.RemoveTree(temporary));
  RETURN_IF_ERROR(WriteNewFile(storage, temporary, bytes));
  RETURN_IF_ERROR(PutAside(storage, path, move.key));
  return storage.Rename(temporary, path);
}

}  // namespace

absl::Status SendBytes(Communicator& comm, int to, absl::string_view bytes) {
  const uint64_t size = bytes.size();
  RETURN_IF_ERROR(SendOne(comm, to, &size, sizeof(size)));
  for (uint64_t at = 0; at < size; at += kMessageBytes) {
    RETURN_IF_ERROR(SendOne(comm, to, bytes.data() + at,
                            std::min(kMessageBytes, size - at)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReceiveBytes(Communicator& comm, int from) {
  uint64_t size = 0;
  RETURN_IF_ERROR(ReceiveOne(comm, from, &size, sizeof(size)));
  std::string bytes(size, '\0');
  for (uint64_t at = 0; at < size; at += kMessageBytes) {
    RETURN_IF_ERROR(ReceiveOne(comm, from, bytes.data() + at,
                               std::min(kMessageBytes, size - at)));
  }
  return bytes;
}

absl::Status MoveLogs(Communicator& nodes, Storage& storage,
                      absl::string_view run_dir,
                      const std::vector<LogMove>& moves) {
  absl::Status mine;
  for (const LogMove& move : moves) {
    // A node that has failed goes on: nobody is to wait for it.
    if (move.from == nodes.rank()) {
      const absl::StatusOr<std::string> bytes = ReadLog(run_dir, move);
      mine.Update(bytes.status());
      RETURN_IF_ERROR(SendBytes(nodes, move.to, bytes.ok() ? *bytes : ""));
    } else if (move.to == nodes.rank()) {
      ASSIGN_OR_RETURN(const std::string bytes, ReceiveBytes(nodes, move.from));
      if (mine.ok()) mine = Install(storage, run_dir, move, bytes);
    }
  }
  return mine;
}

}  // namespace perdure
