#include "checkpoint/journal/copies_plan.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "checkpoint/journal/names.h"
#include "checkpoint/journal/scan.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

using Offers = std::vector<JournalOffer>;

const JournalOffer::Log* Find(const JournalOffer& offer, int64_t generation) {
  for (const JournalOffer::Log& log : offer.logs()) {
    if (log.generation() == generation) return &log;
  }
  return nullptr;
}

int64_t NewestLog(const Offers& offers) {
  int64_t newest = 0;
  for (const JournalOffer& offer : offers) {
    for (const JournalOffer::Log& log : offer.logs()) {
      newest = std::max(newest, log.generation());
    }
  }
  return newest;
}

absl::Status CheckOneRun(const Offers& offers) {
  const JournalOffer* first = nullptr;
  for (const JournalOffer& offer : offers) {
    if (offer.logs().empty()) continue;
    if (first == nullptr) first = &offer;
    for (const JournalOffer::Log& log : offer.logs()) {
      const std::string& run_id = first->logs(0).run_id();
      if (log.run_id() == run_id) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          "the run directory on ", first->host(), " has the journal of run ",
          run_id, ", on ", offer.host(), " of run ", log.run_id(),
          "; put aside the one that does not belong to this run"));
    }
  }
  return absl::OkStatus();
}

// The node whose log of the newest generation counts. One without steps gives
// way: it was begun on one node, and nothing of it was ever told.
absl::StatusOr<int> NewestHolder(const Offers& offers, int64_t newest) {
  std::optional<int> holder;
  for (int node = 0; node < static_cast<int>(offers.size()); ++node) {
    const JournalOffer::Log* log = Find(offers[node], newest);
    if (log == nullptr) continue;
    if (!holder.has_value()) holder = node;
    const JournalOffer::Log* before = Find(offers[*holder], newest);
    if (log->key() == before->key() || log->last_step() == 0) continue;
    if (before->last_step() != 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          JournalName(newest), " on ", offers[*holder].host(), " and on ",
          offers[node].host(), " are different logs, up to step ",
          before->last_step(), " and up to step ", log->last_step(),
          ": two launches of the run went on separately; put aside the one "
          "that is not to count"));
    }
    holder = node;
  }
  return *holder;
}

// Which of an ancestor's logs is meant: the newest generation's holder knows.
absl::StatusOr<std::optional<uint64_t>> KeyOfAncestor(const Offers& offers,
                                                      int holder,
                                                      int64_t generation) {
  std::optional<uint64_t> key;
  if (const auto* log = Find(offers[holder], generation)) return log->key();
  for (const JournalOffer& offer : offers) {
    const JournalOffer::Log* log = Find(offer, generation);
    if (log == nullptr || log->key() == key) continue;
    if (key.has_value()) {
      return absl::FailedPreconditionError(absl::StrCat(
          JournalName(generation), " on ", offer.host(),
          " is not that of other nodes, and ", offers[holder].host(),
          ", which has the newest generation, has none; put aside the one that "
          "is not to count"));
    }
    key = log->key();
  }
  return key;
}

// What makes one version of a log better than another.
std::tuple<uint64_t, uint64_t> Worth(const JournalOffer::Log& log) {
  return {log.unbroken_bytes(), log.end_bytes()};
}

// The moves of one generation's log; the best version of it comes back.
const JournalOffer::Log* Spread(const Offers& offers,
                                const std::vector<int>& receivers,
                                int64_t generation, uint64_t key,
                                std::vector<LogMove>* moves) {
  const JournalOffer::Log* best = nullptr;
  int from = 0;
  for (int node = 0; node < static_cast<int>(offers.size()); ++node) {
    const JournalOffer::Log* log = Find(offers[node], generation);
    if (log == nullptr || log->key() != key) continue;
    if (best != nullptr && Worth(*log) <= Worth(*best)) continue;
    best = log;
    from = node;
  }
  for (const int to : receivers) {
    const JournalOffer::Log* has = Find(offers[to], generation);
    if (has != nullptr && has->key() == key && Worth(*has) == Worth(*best)) {
      continue;
    }
    moves->push_back(
        {generation, from, to, best->end_bytes(), best->end_checksum(), key});
  }
  return best;
}

}  // namespace

absl::StatusOr<JournalOffer> OfferOf(absl::string_view run_dir,
                                     absl::string_view host) {
  JournalOffer offer;
  offer.set_host(std::string(host));
  const std::string directory = JoinPath(run_dir, kJournalDirectory);
  if (!IsDirectory(directory)) return offer;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListDirectory(directory));
  for (const std::string& name : names) {
    const std::optional<int64_t> generation = ParseJournalName(name);
    if (!generation.has_value()) continue;
    offer.set_highest_generation(
        std::max(offer.highest_generation(), *generation));
    const std::string path = JoinPath(directory, name);
    ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
    int64_t last_step = 0;
    const absl::StatusOr<JournalScan> scan = ScanJournal(
        bytes, path, [&](const JournalRecord& record, JournalPosition) {
          if (record.has_step()) last_step = record.step().step();
        });
    if (absl::IsDataLoss(scan.status())) continue;
    RETURN_IF_ERROR(scan.status());
    JournalOffer::Log* log = offer.add_logs();
    log->set_generation(*generation);
    log->set_key(scan->after_header.checksum);
    log->set_unbroken_bytes(scan->unbroken_bytes);
    log->set_end_bytes(scan->end.bytes);
    log->set_end_checksum(scan->end.checksum);
    log->set_last_step(last_step);
    log->set_run_id(scan->header.run_id());
    log->set_parent_generation(scan->header.parent_generation());
  }
  return offer;
}

absl::StatusOr<CopiesPlan> PlanCopies(const Offers& offers,
                                      const std::vector<int>& receivers) {
  CopiesPlan plan;
  for (const JournalOffer& offer : offers) {
    plan.highest_generation =
        std::max(plan.highest_generation, offer.highest_generation());
  }
  int64_t generation = NewestLog(offers);
  if (generation == 0) return plan;
  RETURN_IF_ERROR(CheckOneRun(offers));
  ASSIGN_OR_RETURN(const int holder, NewestHolder(offers, generation));
  // Parents have lower numbers (ScanHeader), so this ends.
  while (generation > 0) {
    ASSIGN_OR_RETURN(const std::optional<uint64_t> key,
                     KeyOfAncestor(offers, holder, generation));
    if (!key.has_value()) break;
    generation = Spread(offers, receivers, generation, *key, &plan.moves)
                     ->parent_generation();
  }
  std::stable_sort(plan.moves.begin(), plan.moves.end(),
                   [](const LogMove& a, const LogMove& b) {
                     return a.generation < b.generation;
                   });
  return plan;
}

}  // namespace perdure
