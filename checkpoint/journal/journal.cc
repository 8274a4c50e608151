#include "checkpoint/journal/journal.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/journal/frames.h"
#include "checkpoint/journal/names.h"
#include "checkpoint/journal/step_codec.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

// The bytes of a log up to the end of its first frame, or less.
absl::StatusOr<std::string> ReadHead(const std::string& path) {
  ASSIGN_OR_RETURN(const File file, File::Open(path, File::Mode::kRead));
  ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  std::string bytes(std::min(size, kJournalMagic.size() + kFrameHead), '\0');
  RETURN_IF_ERROR(file.ReadAt(0, bytes.data(), bytes.size()));
  uint32_t length = 0;
  if (bytes.size() < kJournalMagic.size() + kFrameHead) return bytes;
  std::memcpy(&length, bytes.data() + kJournalMagic.size(), 4);
  const uint64_t begin = bytes.size();
  if (length > kMaxPayload || length > size - begin) return bytes;
  bytes.resize(begin + length);
  RETURN_IF_ERROR(file.ReadAt(begin, bytes.data() + begin, length));
  return bytes;
}

// Where a log ends, and the last step in it (that of its fork if it has none).
struct Tail {
  JournalPosition end;
  uint64_t torn_bytes = 0;
  int64_t step = 0;
};

absl::StatusOr<Tail> TailOf(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  int64_t step = -1;
  ASSIGN_OR_RETURN(
      const JournalScan scan,
      ScanJournal(bytes, path,
                  [&](const JournalRecord& record, JournalPosition) {
                    if (record.has_step()) step = record.step().step();
                  }));
  return Tail{scan.end, scan.ignored_bytes,
              step < 0 ? scan.header.fork_step() : step};
}

absl::Status AnotherIsAlive(absl::string_view run_dir) {
  return absl::AlreadyExistsError(
      absl::StrCat(run_dir,
                   ": the journal grew while this launch was starting: another "
                   "launch of the run is alive; end it, then --resume"));
}

}  // namespace

absl::StatusOr<Journal> Journal::Open(absl::string_view run_dir) {
  Journal journal(run_dir);
  const std::string directory = JoinPath(run_dir, kJournalDirectory);
  if (!IsDirectory(directory)) return journal;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(directory));
  std::vector<JournalHeader> headers;
  for (const std::string& name : names) {
    const std::optional<int64_t> generation = ParseJournalName(name);
    if (!generation.has_value()) continue;
    journal.highest_generation_ =
        std::max(journal.highest_generation_, *generation);
    const std::string path = JoinPath(directory, name);
    ASSIGN_OR_RETURN(const std::string bytes, ReadHead(path));
    absl::StatusOr<JournalScan> scan = ScanHeader(bytes, path);
    if (absl::IsDataLoss(scan.status())) continue;
    RETURN_IF_ERROR(scan.status());
    if (scan->header.generation() != *generation) {
      return absl::DataLossError(
          absl::StrCat(path, " is the log of generation ",
                       scan->header.generation(), "; put its name right"));
    }
    headers.push_back(std::move(scan->header));
  }
  ASSIGN_OR_RETURN(journal.lineage_, Lineage::Of(headers));
  if (journal.empty()) return journal;
  const int64_t newest = journal.lineage_.links()[0].generation;
  ASSIGN_OR_RETURN(const Tail tail, TailOf(JournalPath(run_dir, newest)));
  journal.end_ = tail.end;
  journal.torn_bytes_ = tail.torn_bytes;
  for (JournalHeader& header : headers) {
    if (header.generation() == newest) journal.head_ = std::move(header);
  }
  return journal;
}

absl::StatusOr<JournalHeader> Journal::HeaderOf(int64_t generation) const {
  const std::string path = JournalPath(run_dir_, generation);
  ASSIGN_OR_RETURN(const std::string bytes, ReadHead(path));
  ASSIGN_OR_RETURN(JournalScan scan, ScanHeader(bytes, path));
  return std::move(scan.header);
}

absl::StatusOr<std::string> Journal::ReadLink(const LineageLink& link) const {
  const std::string path = JournalPath(run_dir_, link.generation);
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
  const bool newest = link.bytes == kNoBytes;
  const JournalPosition want =
      newest ? end_ : JournalPosition{link.bytes, link.checksum};
  bytes.resize(std::min<uint64_t>(bytes.size(), want.bytes));
  ASSIGN_OR_RETURN(
      const JournalScan scan,
      ScanJournal(bytes, path, [](const JournalRecord&, JournalPosition) {}));
  if (scan.end == want) return bytes;
  return absl::DataLossError(absl::StrCat(path, ": the run counts ", want.bytes,
                                          " bytes of it, but only ",
                                          scan.end.bytes, " are whole"));
}

absl::StatusOr<StepLog> Journal::Steps(
    int64_t after, std::vector<std::string>* warnings) const {
  StepLog steps;
  if (torn_bytes_ > 0) {
    warnings->push_back(
        absl::StrCat(JournalPath(run_dir_, head_.generation()), ": ",
                     torn_bytes_, " bytes behind byte ", end_.bytes,
                     " are no record (a write was cut short): left out"));
  }
  const std::vector<LineageLink>& links = lineage_.links();
  for (auto link = links.rbegin(); link != links.rend(); ++link) {
    if (link->last_step <= after) continue;
    const std::string path = JournalPath(run_dir_, link->generation);
    absl::StatusOr<std::string> bytes = ReadLink(*link);
    if (absl::IsDataLoss(bytes.status())) {
      warnings->emplace_back(bytes.status().message());
      ASSIGN_OR_RETURN(bytes, ReadFile(path));
      bytes->resize(std::min<uint64_t>(bytes->size(), link->bytes));
    }
    RETURN_IF_ERROR(bytes.status());
    ASSIGN_OR_RETURN(const JournalScan header, ScanHeader(*bytes, path));
    ASSIGN_OR_RETURN(
        const JournalScan scan,
        ScanJournal(*bytes, path,
                    [&](const JournalRecord& record, JournalPosition) {
                      const int64_t step = record.step().step();
                      if (!record.has_step() || step <= after ||
                          step <= link->first_step || step > link->last_step) {
                        return;
                      }
                      steps.Append(
                          DecodeStep(record.step(), header.header.constants()));
                    }));
    if (scan.damaged_records > 0) {
      warnings->push_back(absl::StrCat(path, ": ", scan.damaged_records,
                                       " damaged places are left out"));
    }
  }
  return steps;
}

absl::StatusOr<int64_t> Journal::TrustedStep() const {
  int64_t trusted = std::numeric_limits<int64_t>::max();
  if (empty()) return trusted;
  const std::string path = JournalPath(run_dir_, head_.generation());
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
  bytes.resize(std::min<uint64_t>(bytes.size(), end_.bytes));
  RETURN_IF_ERROR(
      ScanJournal(bytes, path,
                  [&](const JournalRecord& record, JournalPosition) {
                    if (record.event().kind() == JournalEvent::SUSPECT) {
                      trusted = std::min(trusted, record.event().step());
                    }
                  })
          .status());
  return trusted;
}

absl::Status Journal::SetFork(int64_t step, JournalHeader* header) const {
  header->set_fork_step(step);
  const LineageLink* link = lineage_.LinkOf(step);
  if (link == nullptr) {
    if (!empty()) {
      header->set_parent_generation(lineage_.unknown_generation());
    }
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string bytes, ReadLink(*link));
  JournalPosition fork;
  bool past = false;
  ASSIGN_OR_RETURN(
      const JournalScan scan,
      ScanJournal(bytes, JournalPath(run_dir_, link->generation),
                  [&](const JournalRecord& record, JournalPosition end) {
                    past = past ||
                           (record.has_step() && record.step().step() > step);
                    if (!past) fork = end;
                  }));
  if (fork.bytes == 0) fork = scan.after_header;
  header->set_parent_generation(link->generation);
  header->set_fork_bytes(fork.bytes);
  header->set_fork_checksum(fork.checksum);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<GenerationLog>> BeginGeneration(
    Storage& storage, const Journal& seen, int64_t above, int64_t step,
    JournalHeader header, LogMirror* mirror) {
  const std::string& run_dir = seen.run_dir();
  ASSIGN_OR_RETURN(const Journal now, Journal::Open(run_dir));
  if (now.highest_generation() != seen.highest_generation() ||
      now.end() != seen.end()) {
    return AnotherIsAlive(run_dir);
  }
  RETURN_IF_ERROR(seen.SetFork(step, &header));
  ASSIGN_OR_RETURN(
      std::unique_ptr<GenerationLog> log,
      GenerationLog::Create(storage, run_dir,
                            std::max(above, seen.highest_generation()), header,
                            mirror));
  if (seen.empty()) return log;
  // A live parent may have finished steps between the look above and the log's
  // creation; none after it (AppendStep). The log made is then wrong about its
  // fork: one that is right takes its place, for the next launch to go on from.
  const int64_t parent = seen.head().generation();
  ASSIGN_OR_RETURN(const Tail tail, TailOf(JournalPath(run_dir, parent)));
  if (tail.end == seen.end()) return log;
  header.set_parent_generation(parent);
  header.set_fork_bytes(tail.end.bytes);
  header.set_fork_checksum(tail.end.checksum);
  header.set_fork_step(tail.step);
  RETURN_IF_ERROR(GenerationLog::Create(storage, run_dir, log->generation(),
                                        std::move(header), mirror)
                      .status());
  return AnotherIsAlive(run_dir);
}

absl::StatusOr<std::unique_ptr<Snapshot>> OpenNewestOfRun(
    absl::string_view run_dir, std::vector<std::string>* warnings) {
  ASSIGN_OR_RETURN(const Journal journal, Journal::Open(run_dir));
  const Lineage& lineage = journal.lineage();
  return OpenNewestSnapshot(run_dir, warnings,
                            {[&lineage](int64_t generation, int64_t step) {
                              return lineage.Allows(generation, step);
                            }});
}

}  // namespace perdure
