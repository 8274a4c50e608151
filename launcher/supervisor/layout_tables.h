#ifndef PERDURE_LAUNCHER_SUPERVISOR_LAYOUT_TABLES_H_
#define PERDURE_LAUNCHER_SUPERVISOR_LAYOUT_TABLES_H_

// What the trainer says of its layouts (TRAINER ... --layouts), asked for each
// number of ranks once: while the ranks train, if possible, so that a restart
// does not wait for it.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "launcher/control/layout.pb.h"
#include "launcher/supervisor/child_process.h"

namespace perdure {

class LayoutTableCache {
 public:
  // `trainer`: program and arguments of the run.
  LayoutTableCache(std::vector<std::string> trainer, int ranks_per_node)
      : trainer_(std::move(trainer)), ranks_per_node_(ranks_per_node) {}

  // Begins to ask for those that are not known, in the background. The speeds
  // behind the tables are what the run's directory holds by then.
  void Prefetch(const std::set<int>& ranks);
  bool Knows(int ranks) const { return tables_.contains(ranks); }
  // Takes what has come; never blocks.
  void Turn();
  // Blocks, at most some seconds, if it is not known. nullptr: the trainer does
  // not know --layouts, or cannot run like that; problem() says what it said.
  const LayoutTable* Get(int ranks);

  // Of the last answer.
  bool measured() const { return measured_; }
  bool zeroth_order() const { return zeroth_order_; }
  int tp() const { return tp_; }
  const std::string& problem() const { return problem_; }

 private:
  std::vector<std::string> Command(const std::set<int>& ranks) const;
  void Take(const std::string& text);

  const std::vector<std::string> trainer_;
  const int ranks_per_node_;
  std::map<int, LayoutTable> tables_;
  bool measured_ = false, zeroth_order_ = false;
  int tp_ = 1;
  std::string problem_;
  std::optional<ChildProcess> asked_;  // in the background
  std::string answer_;
  bool refused_ = false;  // asked in the background once in vain
};

}  // namespace perdure

#endif  // PERDURE_LAUNCHER_SUPERVISOR_LAYOUT_TABLES_H_
