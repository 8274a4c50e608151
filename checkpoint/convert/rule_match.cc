#include "checkpoint/convert/rule_match.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/text.h"

namespace perdure {
namespace {

using Strings = google::protobuf::RepeatedPtrField<std::string>;

absl::StatusOr<std::vector<NamePattern>> ParseAll(const Strings& texts) {
  std::vector<NamePattern> patterns;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(patterns.emplace_back(), NamePattern::Parse(text));
  }
  return patterns;
}

bool AnyHas(const std::vector<NamePattern>& patterns,
            const std::string& capture) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const NamePattern& p) { return p.Has(capture); });
}

// All patterns of a rule have the same captures; the counter may be on one side
// alone.
absl::Status CheckCaptures(const CompiledRule& rule) {
  const auto captures = [&](const NamePattern& pattern) {
    std::set<std::string> names;
    for (const std::string& name : pattern.captures()) {
      if (name != rule.counter) names.insert(name);
    }
    return names;
  };
  for (const std::vector<NamePattern>* side : {&rule.from, &rule.to}) {
    for (const NamePattern& pattern : *side) {
      if (captures(pattern) != captures(rule.from[0])) {
        return absl::InvalidArgumentError(absl::StrCat(
            "rule '", rule.from[0].text(), "' and '", pattern.text(),
            "': both sides need the same captures"));
      }
      if (!rule.counter.empty() &&
          pattern.Has(rule.counter) != (*side)[0].Has(rule.counter)) {
        return absl::InvalidArgumentError(
            absl::StrCat("rule '", rule.from[0].text(), "': {", rule.counter,
                         "} is in all patterns of a side or in none"));
      }
    }
  }
  if (!rule.counter.empty() && rule.gathers == rule.scatters) {
    return absl::InvalidArgumentError(absl::StrCat(
        "rule '", rule.from[0].text(), "': {", rule.counter,
        "} of 'over' belongs to the patterns of exactly one side"));
  }
  return absl::OkStatus();
}

absl::StatusOr<CompiledRule> Compile(const Rule& rule, Direction direction,
                                     const std::vector<std::string>& prefixes) {
  CompiledRule compiled;
  compiled.rule = &rule;
  ASSIGN_OR_RETURN(std::vector<NamePattern> theirs, ParseAll(rule.theirs()));
  ASSIGN_OR_RETURN(std::vector<NamePattern> ours, ParseAll(rule.ours()));
  if (rule.has_over()) compiled.counter = rule.over().capture();
  compiled.counts_theirs = AnyHas(theirs, compiled.counter);
  if (direction == Direction::kToOurs) {
    // Written names keep their prefix; read ones are compared without.
    for (NamePattern& pattern : theirs) pattern = pattern.Without(prefixes);
    compiled.from = std::move(theirs);
    compiled.to = std::move(ours);
  } else {
    compiled.from = std::move(ours);
    compiled.to = std::move(theirs);
  }
  compiled.gathers = AnyHas(compiled.from, compiled.counter);
  compiled.scatters = AnyHas(compiled.to, compiled.counter);
  RETURN_IF_ERROR(CheckCaptures(compiled));
  return compiled;
}

}  // namespace

struct RuleMatcher::Hit {
  size_t rule = 0;
  size_t pattern = 0;
  Captures captures;
};

// Brings the names of an instance together.
class RuleMatcher::Gatherer {
 public:
  explicit Gatherer(const CompiledRule& rule) : rule_(rule) {}

  void Add(size_t pattern, Captures captures, size_t index,
           const std::string& name, std::vector<std::string>* problems) {
    int64_t copy = 0;
    if (rule_.gathers) {
      const std::string number = captures[rule_.counter];
      captures.erase(rule_.counter);
      if (!absl::SimpleAtoi(number, &copy) || copy < 0) {
        problems->push_back(absl::StrCat("'", number, "' of {", rule_.counter,
                                         "} in '", rule_.from[pattern].text(),
                                         "' is no number"));
        return;
      }
    }
    auto& inputs = found_[captures];
    inputs.resize(rule_.from.size());
    if (!inputs[pattern].emplace(copy, index).second) {
      problems->push_back(
          absl::StrCat(name, " is there twice, by other prefixes"));
    }
  }

  bool Has(size_t pattern) const {
    return std::any_of(found_.begin(), found_.end(), [&](const auto& entry) {
      return !entry.second[pattern].empty();
    });
  }

  void Finish(std::vector<RuleInstance>* instances,
              std::vector<std::string>* problems) const {
    for (const auto& [captures, copies] : found_) {
      RuleInstance instance;
      instance.rule = &rule_;
      instance.captures = captures;
      size_t most = 0;
      for (const auto& of_pattern : copies) {
        most = std::max(most, of_pattern.size());
        std::vector<size_t>& inputs = instance.inputs.emplace_back();
        for (const auto& [copy, index] : of_pattern) inputs.push_back(index);
      }
      if (Missing(captures, copies, most, problems)) continue;
      instances->push_back(std::move(instance));
    }
  }

 private:
  using Copies = std::vector<std::map<int64_t, size_t>>;

  bool Missing(const Captures& captures, const Copies& copies, size_t most,
               std::vector<std::string>* problems) const {
    bool missing = false;
    for (size_t p = 0; p < copies.size(); ++p) {
      for (size_t i = 0; i < most; ++i) {
        if (copies[p].contains(static_cast<int64_t>(i))) continue;
        Captures all = captures;
        if (rule_.gathers) all[rule_.counter] = absl::StrCat(i);
        problems->push_back(absl::StrCat(
            rule_.from[p].Fill(all),
            " is missing, which belongs to others that are there"));
        missing = true;
        break;
      }
    }
    return missing;
  }

  const CompiledRule& rule_;
  std::map<Captures, Copies> found_;
};

absl::StatusOr<RuleMatcher> RuleMatcher::Make(const ConversionRules& rules,
                                              Direction direction) {
  RuleMatcher matcher;
  matcher.direction_ = direction;
  const bool to_ours = direction == Direction::kToOurs;
  const std::vector<std::string> prefixes(rules.ignore_prefix().begin(),
                                          rules.ignore_prefix().end());
  if (to_ours) {
    matcher.prefixes_ = prefixes;
    ASSIGN_OR_RETURN(matcher.ignore_, ParseAll(rules.ignore()));
    for (NamePattern& pattern : matcher.ignore_) {
      pattern = pattern.Without(prefixes);
    }
  }
  for (const Rule& rule : rules.rule()) {
    ASSIGN_OR_RETURN(matcher.rules_.emplace_back(),
                     Compile(rule, direction, prefixes));
  }
  return matcher;
}

bool RuleMatcher::IsIgnored(const std::string& name) const {
  return std::any_of(ignore_.begin(), ignore_.end(), [&](const NamePattern& p) {
    return p.Match(name).has_value();
  });
}

std::vector<RuleMatcher::Hit> RuleMatcher::Hits(const std::string& name) const {
  std::vector<Hit> hits;
  for (size_t r = 0; r < rules_.size(); ++r) {
    for (size_t p = 0; p < rules_[r].from.size(); ++p) {
      auto captures = rules_[r].from[p].Match(name);
      if (captures.has_value()) hits.push_back({r, p, *std::move(captures)});
    }
  }
  return hits;
}

std::string RuleMatcher::Unmatched(const std::string& name) const {
  std::vector<std::string> candidates;
  for (const CompiledRule& rule : rules_) {
    for (const NamePattern& pattern : rule.from) {
      candidates.push_back(pattern.Resemble(name));
    }
  }
  return absl::StrCat(name, " matches no rule",
                      DidYouMean(StripPrefixes(name, prefixes_), candidates));
}

std::vector<RuleInstance> RuleMatcher::Match(
    const std::vector<std::string>& names, bool complete,
    std::vector<std::string>* problems) const {
  std::vector<Gatherer> gatherers(rules_.begin(), rules_.end());
  std::vector<std::string> unmatched;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string name(StripPrefixes(names[i], prefixes_));
    if (IsIgnored(name)) continue;
    std::vector<Hit> hits = Hits(name);
    if (hits.empty()) {
      unmatched.push_back(name);
      problems->push_back(Unmatched(names[i]));
    } else if (hits.size() > 1 && direction_ == Direction::kToOurs) {
      problems->push_back(absl::StrCat(
          names[i], " matches two rules, '",
          rules_[hits[0].rule].from[hits[0].pattern].text(), "' and '",
          rules_[hits[1].rule].from[hits[1].pattern].text(), "'"));
    } else {
      gatherers[hits[0].rule].Add(hits[0].pattern, std::move(hits[0].captures),
                                  i, names[i], problems);
    }
  }
  std::vector<RuleInstance> instances;
  for (size_t r = 0; r < rules_.size(); ++r) {
    gatherers[r].Finish(&instances, problems);
    for (size_t p = 0; p < rules_[r].from.size(); ++p) {
      if (!complete || rules_[r].rule->may_be_missing() ||
          gatherers[r].Has(p)) {
        continue;
      }
      const std::string& pattern = rules_[r].from[p].text();
      problems->push_back(absl::StrCat("pattern '", pattern,
                                       "' matches nothing",
                                       DidYouMean(pattern, unmatched)));
    }
  }
  return instances;
}

}  // namespace perdure
