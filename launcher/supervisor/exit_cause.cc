#include "launcher/supervisor/exit_cause.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace perdure {
namespace {

// Ranks that fail because another one did (runtime/base/status.h).
constexpr int kPeerGone = 5;
constexpr int kWrongResultCode = 8;
constexpr int kStopped = 143;

// The integer right after `key` in `line`.
std::optional<int> NumberAfter(absl::string_view line, absl::string_view key) {
  const size_t at = line.find(key);
  if (at == absl::string_view::npos) return std::nullopt;
  absl::string_view rest =
      absl::StripLeadingAsciiWhitespace(line.substr(at + key.size()));
  size_t digits = 0;
  while (digits < rest.size() && absl::ascii_isdigit(rest[digits])) ++digits;
  int number = 0;
  if (!absl::SimpleAtoi(rest.substr(0, digits), &number)) return std::nullopt;
  return number;
}

// "ORTE has lost communication with a remote daemon." and, lines later,
// "Remote daemon: [[7,0],2] on node c".
std::string LostHost(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    const size_t daemon = line.find("Remote daemon:");
    const size_t node = line.find("on node ");
    if (daemon == std::string::npos || node == std::string::npos) continue;
    return std::string(absl::StripAsciiWhitespace(line.substr(node + 8)));
  }
  return "";
}

struct MpirunBlame {
  std::optional<int> rank;
  std::optional<int> signal;
  std::optional<int> exit_code;
};

// "mpirun noticed that process rank 3 with PID 77 on node a exited on signal 9
// (Killed)." or "Process name: [[7,1],3]" and "Exit code: 5" in lines that
// follow.
MpirunBlame ReadBlame(const std::vector<std::string>& lines) {
  MpirunBlame blame;
  for (const std::string& line : lines) {
    if (const auto signal = NumberAfter(line, "exited on signal")) {
      blame.signal = signal;
      blame.rank = NumberAfter(line, "process rank");
    }
    if (line.find("Process name:") != std::string::npos &&
        !blame.rank.has_value()) {
      blame.rank = NumberAfter(line, ",1],");
    }
    if (const auto code = NumberAfter(line, "Exit code:")) {
      blame.exit_code = code;
    }
  }
  return blame;
}

// The rank that failed first, as far as the ranks' own words go: one with an
// error of its own before those that only lost a peer.
std::optional<int> FailedRank(const RankTable& table) {
  std::optional<int> peer_gone;
  for (int r = 0; r < static_cast<int>(table.ranks().size()); ++r) {
    const RankStatus& rank = table.ranks()[static_cast<size_t>(r)];
    if (!rank.finished() || rank.last.exit_code() == 0) continue;
    if (rank.last.exit_code() != kPeerGone) return r;
    if (!peer_gone.has_value()) peer_gone = r;
  }
  return peer_gone;
}

bool AllEndedWith(const RankTable& table, int code) {
  return std::all_of(table.ranks().begin(), table.ranks().end(),
                     [&](const RankStatus& rank) {
                       return rank.finished() && rank.last.exit_code() == code;
                     });
}

Verdict Blame(const RankTable& table, Fault fault, std::optional<int> rank,
              std::string what) {
  Verdict verdict;
  verdict.fault = fault;
  verdict.what = std::move(what);
  verdict.step = table.LeastStep() + 1;
  if (rank.has_value() && *rank < static_cast<int>(table.ranks().size())) {
    verdict.ranks = {*rank};
    const RankStatus& status = table.ranks()[static_cast<size_t>(*rank)];
    if (status.heard) verdict.hosts = {status.last.host()};
  }
  return verdict;
}

// What ranks said when they left because of a wrong result; all say the same.
std::optional<Verdict> BlamedByRanks(const RankTable& table) {
  for (const RankStatus& speaker : table.ranks()) {
    if (!speaker.finished() || speaker.last.wrong_rank().empty()) continue;
    Verdict verdict =
        Blame(table, Fault::kWrongResult, std::nullopt, speaker.last.wrong());
    verdict.certain = speaker.last.wrong_for_certain();
    for (const int rank : speaker.last.wrong_rank()) {
      if (rank < 0 || rank >= static_cast<int>(table.ranks().size())) continue;
      verdict.ranks.push_back(rank);
      const RankStatus& status = table.ranks()[static_cast<size_t>(rank)];
      const std::string& host = status.last.host();
      const bool known =
          std::count(verdict.hosts.begin(), verdict.hosts.end(), host) > 0;
      if (status.heard && !known) verdict.hosts.push_back(host);
    }
    return verdict;
  }
  return std::nullopt;
}

}  // namespace

ExitCause ExplainExit(const RankTable& table, const ExitState& exit,
                      const std::vector<std::string>& mpirun_lines) {
  ExitCause cause;
  for (const int code : {0, kStopped}) {
    if (AllEndedWith(table, code)) {
      cause.exit_code = code;
      return cause;
    }
  }
  cause.exit_code = exit.code == 0 ? 1 : exit.code;
  if (std::optional<Verdict> wrong = BlamedByRanks(table)) {
    cause.rank_exit_code = kWrongResultCode;
    cause.verdict = std::move(wrong);
    return cause;
  }
  if (const std::string host = LostHost(mpirun_lines); !host.empty()) {
    cause.verdict = Blame(table, Fault::kNodeSilent, std::nullopt,
                          absl::StrCat("mpirun has lost its daemon on ", host));
    cause.verdict->hosts = {host};
    return cause;
  }
  const std::optional<int> failed = FailedRank(table);
  const MpirunBlame blame = ReadBlame(mpirun_lines);
  if (blame.signal.has_value()) {
    cause.signal = *blame.signal;
    cause.verdict = Blame(
        table, Fault::kCrash, blame.rank,
        absl::StrCat("rank ", blame.rank.value_or(-1), " was ended by ",
                     ExitState{128 + *blame.signal, *blame.signal}.ToString()));
    return cause;
  }
  if (failed.has_value()) {
    const int code =
        table.ranks()[static_cast<size_t>(*failed)].last.exit_code();
    cause.rank_exit_code = code;
    cause.verdict =
        Blame(table, Fault::kCrash, failed,
              absl::StrCat("rank ", *failed, " failed with exit code ", code));
    return cause;
  }
  if (exit.code == 0) {
    cause.verdict =
        Blame(table, Fault::kNoDone, std::nullopt,
              "mpirun ended with 0, but not every rank has said that it is "
              "done");
    return cause;
  }
  cause.rank_exit_code = blame.exit_code;
  const bool started =
      std::any_of(table.ranks().begin(), table.ranks().end(),
                  [](const RankStatus& rank) { return rank.heard; });
  cause.verdict =
      Blame(table, started ? Fault::kCrash : Fault::kStart, blame.rank,
            absl::StrCat("mpirun ended with ", exit.ToString(),
                         started ? "" : " before any rank was heard of"));
  return cause;
}

}  // namespace perdure
