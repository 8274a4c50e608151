#include "checkpoint/convert/apply_rules.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/convert/rule_operations.h"

namespace perdure {
namespace {

constexpr StateKind kKinds[] = {StateKind::kWeight, StateKind::kMaster,
                                StateKind::kMoment1, StateKind::kMoment2};

absl::Status OneError(absl::string_view where,
                      const std::vector<std::string>& problems) {
  if (problems.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(where, ": ", absl::StrJoin(problems, "; ")));
}

class Application {
 public:
  Application(const std::vector<SourceTensor>& tensors, Direction direction,
              const ModelConfig* model, Symbols symbols)
      : tensors_(tensors),
        direction_(direction),
        tied_(model != nullptr && model->tie_embeddings()),
        symbols_(std::move(symbols)) {}

  void Apply(const RuleMatcher& matcher, StateKind kind) {
    std::vector<size_t> of_kind;
    std::vector<std::string> names;
    for (size_t i = 0; i < tensors_.size(); ++i) {
      if (tensors_[i].kind != kind) continue;
      of_kind.push_back(i);
      names.push_back(tensors_[i].name);
    }
    if (of_kind.empty()) return;
    for (const RuleInstance& instance :
         matcher.Match(names, kind == StateKind::kWeight, &problems_)) {
      Run(instance, of_kind);
    }
  }

  absl::StatusOr<RuleResult> Finish(absl::string_view where) {
    for (auto& [key, made] : made_) {
      if (made.ties.empty()) continue;
      Tie(key.second, &made);
    }
    RETURN_IF_ERROR(OneError(where, problems_));
    for (auto& [key, made] : made_) {
      result_.tensors.push_back(
          {key.second, key.first, std::move(made.tensor), made.flat});
    }
    return std::move(result_);
  }

 private:
  struct Made {
    LazyRef tensor;  // null: only ties so far
    bool flat = false;
    std::string from;
    std::vector<LazyRef> ties;
    std::vector<std::string> tied_names;
  };

  void Run(const RuleInstance& instance, const std::vector<size_t>& of_kind) {
    TensorGrid inputs;
    std::vector<std::vector<std::string>> names;
    std::vector<std::string> all_names;
    bool readable = true;
    bool flat = false;
    StateKind kind = StateKind::kWeight;
    for (const std::vector<size_t>& copies : instance.inputs) {
      inputs.emplace_back();
      names.emplace_back();
      for (const size_t index : copies) {
        const SourceTensor& tensor = tensors_[of_kind[index]];
        kind = tensor.kind;
        flat = flat || tensor.flat;
        if (tensor.tensor == nullptr) {
          problems_.push_back(absl::StrCat(tensor.name, " ", tensor.problem));
          readable = false;
        }
        inputs.back().push_back(tensor.tensor);
        names.back().push_back(tensor.name);
        all_names.push_back(tensor.name);
      }
    }
    if (!readable) return;
    const std::string from = absl::StrJoin(all_names, ", ");
    if (flat && !IsRename(*instance.rule->rule)) {
      problems_.push_back(absl::StrCat(
          from, " has lost its shape; its rule can only rename it"));
      return;
    }
    auto output = RunRule(*instance.rule, direction_, inputs, names, symbols_);
    if (!output.ok()) {
      problems_.push_back(
          absl::StrCat(from, " ", std::string(output.status().message())));
      return;
    }
    Store(instance, kind, from, flat, *output);
  }

  static bool IsRename(const Rule& rule) {
    return !rule.has_over() && !rule.has_rows() && !rule.transpose() &&
           !rule.has_rotary_heads() && !rule.has_fused();
  }

  void Store(const RuleInstance& instance, StateKind kind,
             const std::string& from, bool flat, const RuleOutput& output) {
    const CompiledRule& rule = *instance.rule;
    const bool tie = tied_ && rule.rule->has_tied_to();
    if (tie && direction_ == Direction::kToTheirs) return;
    std::string first;
    for (size_t p = 0; p < output.tensors.size(); ++p) {
      for (size_t c = 0; c < output.tensors[p].size(); ++c) {
        Captures captures = instance.captures;
        if (rule.scatters) captures[rule.counter] = absl::StrCat(c);
        const std::string name =
            tie ? rule.rule->tied_to() : rule.to[p].Fill(captures);
        if (first.empty()) first = name;
        Made& made = made_[{kind, name}];
        if (tie) {
          made.ties.push_back(output.tensors[p][c]);
          made.tied_names.push_back(from);
        } else if (made.tensor != nullptr) {
          problems_.push_back(absl::StrCat(name, " is there twice, from ",
                                           made.from, " and from ", from));
        } else {
          made.tensor = output.tensors[p][c];
          made.flat = flat;
          made.from = from;
        }
      }
    }
    for (const auto& mean : output.means) {
      result_.averaged.push_back({first, mean});
    }
  }

  // Some files keep both names of a tied weight, or only the head's.
  void Tie(const std::string& name, Made* made) {
    std::vector<LazyRef> copies = made->ties;
    std::vector<std::string> names = made->tied_names;
    if (made->tensor != nullptr) {
      copies.insert(copies.begin(), made->tensor);
      names.insert(names.begin(), made->from);
    }
    for (const LazyRef& copy : copies) {
      if (copy->shape() == copies[0]->shape() &&
          copy->dtype() == copies[0]->dtype()) {
        continue;
      }
      problems_.push_back(absl::StrCat(absl::StrJoin(names, " and "), " are ",
                                       "tied as ", name,
                                       " and differ in shape or dtype"));
      return;
    }
    made->tensor = Equal(std::move(copies), std::move(names));
  }

  const std::vector<SourceTensor>& tensors_;
  const Direction direction_;
  const bool tied_;
  const Symbols symbols_;
  std::map<std::pair<StateKind, std::string>, Made> made_;
  std::vector<std::string> problems_;
  RuleResult result_;
};

}  // namespace

absl::StatusOr<RuleResult> ApplyRules(const ConversionRules& rules,
                                      Direction direction,
                                      const std::vector<SourceTensor>& tensors,
                                      const ModelConfig* model,
                                      absl::string_view where) {
  ASSIGN_OR_RETURN(const RuleMatcher matcher,
                   RuleMatcher::Make(rules, direction));
  Symbols symbols = model != nullptr ? SymbolsOf(*model) : Symbols();
  for (const Constant& constant : rules.constant()) {
    symbols[constant.name()] = constant.value();
  }
  Application application(tensors, direction, model, std::move(symbols));
  for (const StateKind kind : kKinds) application.Apply(matcher, kind);
  return application.Finish(where);
}

absl::StatusOr<RuleResult> KeepNames(const std::vector<SourceTensor>& tensors,
                                     absl::string_view where) {
  RuleResult result;
  std::vector<std::string> problems;
  for (const SourceTensor& tensor : tensors) {
    if (tensor.tensor == nullptr) {
      problems.push_back(absl::StrCat(tensor.name, " ", tensor.problem));
      continue;
    }
    result.tensors.push_back(
        {tensor.name, tensor.kind, tensor.tensor, tensor.flat});
  }
  RETURN_IF_ERROR(OneError(where, problems));
  return result;
}

}  // namespace perdure
