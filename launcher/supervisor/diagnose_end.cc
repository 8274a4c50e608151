#include "launcher/supervisor/diagnose_end.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

// Of more ranks the first tell enough, and a restart does not wait for it.
constexpr int kRanksRead = 256;

Facts FactsOf(const GenerationEnd& end, const RankTable& table) {
  const Verdict& verdict = *end.verdict;
  Facts facts;
  facts.fault = FaultName(verdict.fault);
  // After a detector's verdict mpirun was killed: its code is ours.
  const bool by_itself = verdict.fault == Fault::kCrash ||
                         verdict.fault == Fault::kStart ||
                         verdict.fault == Fault::kNoDone;
  if (end.signal != 0) {
    facts.signal = end.signal;
  } else if (by_itself) {
    facts.exit_code = end.rank_exit_code.value_or(end.exit_code);
  }
  if (verdict.ranks.empty()) return facts;
  const size_t guilty = static_cast<size_t>(verdict.ranks[0]);
  if (guilty >= table.ranks().size() || !table.ranks()[guilty].heard) {
    return facts;
  }
  const RankStatus& rank = table.ranks()[guilty];
  facts.phase = PhaseName(rank.phase());
  facts.operation =
      rank.last.in_collective() ? rank.last.operation() : std::string("none");
  return facts;
}

}  // namespace

Diagnosis DiagnoseEnd(const RuleBook& rules, const GenerationEnd& end,
                      const RankTable& table, const LogRouter& logs) {
  Diagnoser diagnoser(&rules);
  const auto take = [&](int rank) {
    const std::string origin =
        rank < 0 ? std::string("mpirun") : absl::StrCat("rank ", rank);
    for (const std::string& line : logs.Tail(rank)) {
      diagnoser.Take(origin, line);
    }
  };
  const std::vector<int>& guilty = end.verdict->ranks;
  for (const int rank : guilty) take(rank);
  take(-1);
  const int ranks =
      std::min(static_cast<int>(table.ranks().size()), kRanksRead);
  for (int r = 0; r < ranks; ++r) {
    if (std::find(guilty.begin(), guilty.end(), r) == guilty.end()) take(r);
  }
  return diagnoser.Conclude(FactsOf(end, table));
}

}  // namespace perdure
