#ifndef PERDURE_CHECKPOINT_CONVERT_RULE_MATCH_H_
#define PERDURE_CHECKPOINT_CONVERT_RULE_MATCH_H_

// Which tensors a rule is about.

#include <string>
#include <vector>

#include "checkpoint/convert/name_pattern.h"
#include "checkpoint/convert/rules.pb.h"
#include "runtime/base/status.h"

namespace perdure {

enum class Direction { kToOurs, kToTheirs };

// A rule with its patterns, read in a direction.
struct CompiledRule {
  const Rule* rule = nullptr;
  std::vector<NamePattern> from;
  std::vector<NamePattern> to;
  std::string counter;         // the capture of `over`; "" for none
  bool counts_theirs = false;  // it is in theirs; else in ours
  // Whether the side that is read, or the one that is written, has the counter.
  bool gathers = false;
  bool scatters = false;
};

// A rule for one choice of what its captures stand for.
struct RuleInstance {
  const CompiledRule* rule = nullptr;
  Captures captures;                        // all but the counter
  std::vector<std::vector<size_t>> inputs;  // indices of names: [pattern][copy]
};

class RuleMatcher {
 public:
  // InvalidArgument where captures of the two sides do not agree. `rules`
  // outlives this.
  static absl::StatusOr<RuleMatcher> Make(const ConversionRules& rules,
                                          Direction direction);

  // The instances for these names. What does not fit goes to `problems`: names
  // that no rule or several match (with the nearest that one would; on the way
  // to theirs the first of several counts), parts and copies that are missing,
  // and, if `complete`, patterns that match nothing.
  std::vector<RuleInstance> Match(const std::vector<std::string>& names,
                                  bool complete,
                                  std::vector<std::string>* problems) const;

 private:
  struct Hit;
  class Gatherer;
  std::vector<Hit> Hits(const std::string& name) const;
  bool IsIgnored(const std::string& name) const;
  std::string Unmatched(const std::string& name) const;

  Direction direction_ = Direction::kToOurs;
  std::vector<std::string> prefixes_;
  std::vector<NamePattern> ignore_;
  std::vector<CompiledRule> rules_;
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_CONVERT_RULE_MATCH_H_
