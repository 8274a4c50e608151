#include "checkpoint/convert/weight_match.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/text.h"
#include "runtime/nn/hf_config.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

class Matcher {
 public:
  explicit Matcher(const ModelConfig& model) : model_(model) {
    for (ParamSpec& spec : ModelParams(model)) {
      names_.push_back(spec.name);
      specs_.emplace(spec.name, std::move(spec));
    }
  }

  void Add(const SafetensorsTensor& tensor, size_t file) {
    const std::string name = CanonicalName(model_, tensor.name);
    if (name.empty()) return;
    const auto spec = specs_.find(name);
    if (spec == specs_.end()) {
      Problem(tensor.name, absl::StrCat("is no parameter of this model",
                                        DidYouMean(name, names_)));
    } else if (tensor.shape != spec->second.shape) {
      Problem(tensor.name,
              absl::StrCat("is ", ShapeText(tensor.shape), ", the model's is ",
                           ShapeText(spec->second.shape)));
    } else if (tensor.dtype != DType::kF32 && tensor.dtype != DType::kBF16 &&
               tensor.dtype != DType::kF16) {
      Problem(tensor.name, absl::StrCat("is ", tensor.dtype_name,
                                        "; F32, BF16 and F16 are read"));
    } else {
      const StoredTensor stored{name,
                                StateKind::kWeight,
                                *tensor.dtype,
                                tensor.shape,
                                file,
                                tensor.offset,
                                ""};
      if (!found_.emplace(name, stored).second) {
        Problem(tensor.name, absl::StrCat("is there twice, as ", name));
      }
    }
  }

  absl::StatusOr<TensorIndex> Finish(absl::string_view dir) {
    std::vector<StoredTensor> tensors;
    for (const std::string& name : names_) {
      const ParamSpec& spec = specs_.at(name);
      if (!spec.alias_of.empty()) UnifyAlias(spec);
    }
    for (const std::string& name : names_) {
      const auto found = found_.find(name);
      if (found != found_.end()) {
        tensors.push_back(found->second);
      } else {
        Problem(name, "is needed and not there");
      }
    }
    if (problems_.empty()) return TensorIndex(std::move(tensors));
    return absl::FailedPreconditionError(
        absl::StrCat(dir, ": the weights do not fit config.json: ",
                     absl::StrJoin(problems_, "; ")));
  }

 private:
  void Problem(const std::string& name, const std::string& what) {
    problems_.push_back(absl::StrCat(name, " ", what));
  }

  // Some files keep both names of a tied weight, or only the head's.
  void UnifyAlias(const ParamSpec& spec) {
    const auto head = found_.find(spec.name);
    if (head != found_.end()) {
      StoredTensor stored = head->second;
      stored.name = spec.alias_of;
      found_.emplace(spec.alias_of, std::move(stored));
    }
    const auto target = found_.find(spec.alias_of);
    if (target == found_.end()) return;
    StoredTensor alias = target->second;
    alias.name = spec.name;
    alias.alias_of = spec.alias_of;
    found_.insert_or_assign(spec.name, std::move(alias));
  }

  const ModelConfig& model_;
  std::vector<std::string> names_;
  std::map<std::string, ParamSpec> specs_;
  std::map<std::string, StoredTensor> found_;  // by canonical name
  std::vector<std::string> problems_;
};

}  // namespace

absl::StatusOr<TensorIndex> MatchWeights(const std::vector<WeightFile>& files,
                                         const ModelConfig& model,
                                         absl::string_view dir) {
  Matcher matcher(model);
  for (size_t i = 0; i < files.size(); ++i) {
    for (const SafetensorsTensor& tensor : files[i].tensors) {
      matcher.Add(tensor, i);
    }
  }
  return matcher.Finish(dir);
}

}  // namespace perdure
