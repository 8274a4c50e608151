#include "launcher/supervisor/layout_tables.h"

#include <google/protobuf/text_format.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/supervisor/run_program.h"

namespace perdure {
namespace {

constexpr double kAnswerSeconds = 20;

}  // namespace

std::vector<std::string> LayoutTableCache::Command(
    const std::set<int>& ranks) const {
  std::vector<std::string> requests;
  for (const int n : ranks) {
    requests.push_back(absl::StrCat(n, "@", ranks_per_node_));
  }
  std::vector<std::string> command = trainer_;
  command.push_back(absl::StrCat("--layouts=", absl::StrJoin(requests, ",")));
  return command;
}

void LayoutTableCache::Take(const std::string& text) {
  LayoutTables tables;
  if (!google::protobuf::TextFormat::ParseFromString(text, &tables)) {
    problem_ = absl::StrCat(trainer_[0], " --layouts printed no tables");
    return;
  }
  measured_ = tables.measured();
  zeroth_order_ = tables.zeroth_order();
  tp_ = tables.tp();
  for (LayoutTable& table : *tables.mutable_table()) {
    const int ranks = table.ranks();
    tables_[ranks] = std::move(table);
  }
}

void LayoutTableCache::Prefetch(const std::set<int>& ranks) {
  std::set<int> unknown;
  for (const int n : ranks) {
    if (n > 0 && !tables_.contains(n)) unknown.insert(n);
  }
  if (unknown.empty() || asked_.has_value() || refused_) return;
  absl::StatusOr<ChildProcess> child =
      ChildProcess::Start(Command(unknown), {});
  if (!child.ok()) return;  // Get says it
  answer_.clear();
  asked_.emplace(std::move(*child));
}

void LayoutTableCache::Turn() {
  if (!asked_.has_value()) return;
  const std::optional<ExitState> exit = asked_->Poll();
  ReadAvailable(asked_->output(), &answer_);
  if (!exit.has_value()) return;
  if (exit->code == 0) Take(answer_);
  // Ended by a signal: with the generation. Else it would fail again.
  refused_ = exit->code != 0 && exit->signal == 0;
  asked_.reset();
}

const LayoutTable* LayoutTableCache::Get(int ranks) {
  Turn();
  const auto known = tables_.find(ranks);
  if (known != tables_.end()) return &known->second;
  asked_.reset();
  const absl::StatusOr<std::string> text =
      RunProgram(Command({ranks}), {}, kAnswerSeconds);
  if (!text.ok()) {
    problem_ = std::string(text.status().message());
    return nullptr;
  }
  Take(*text);
  const auto found = tables_.find(ranks);
  return found == tables_.end() ? nullptr : &found->second;
}

}  // namespace perdure
