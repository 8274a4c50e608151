#include "checkpoint/convert/fit_model.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/format/tensor_index.h"
#include "runtime/base/text.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

class Fitter {
 public:
  explicit Fitter(const ModelConfig& model) {
    for (const ParamSpec& spec : ModelParams(model)) {
      names_.push_back(spec.name);
      if (spec.alias_of.empty()) shapes_.emplace(spec.name, spec.shape);
    }
  }

  void Fit(ConvertedTensor* tensor) {
    const auto spec = shapes_.find(tensor->name);
    if (spec == shapes_.end()) {
      Problem(*tensor, absl::StrCat("is no parameter of this model",
                                    DidYouMean(tensor->name, names_)));
      return;
    }
    if (tensor->flat &&
        tensor->tensor->elements() == ElementsOf(spec->second)) {
      tensor->tensor = Reshape(tensor->tensor, spec->second);
      tensor->flat = false;
    }
    const DType dtype = tensor->tensor->dtype();
    if (tensor->tensor->shape() != spec->second) {
      Problem(*tensor,
              absl::StrCat("is ", ShapeText(tensor->tensor->shape()),
                           ", the model's is ", ShapeText(spec->second)));
    } else if (dtype != DType::kF32 && dtype != DType::kBF16 &&
               dtype != DType::kF16) {
      Problem(*tensor, absl::StrCat("is ", DTypeName(dtype),
                                    "; F32, BF16 and F16 are read"));
    }
    if (tensor->kind == StateKind::kWeight) found_.insert(tensor->name);
  }

  absl::Status Finish(absl::string_view where) {
    for (const auto& [name, shape] : shapes_) {
      if (!found_.contains(name)) {
        problems_.push_back(absl::StrCat(name, " is needed and not there"));
      }
    }
    if (problems_.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(where, ": the weights do not fit the model: ",
                     absl::StrJoin(problems_, "; ")));
  }

 private:
  void Problem(const ConvertedTensor& tensor, const std::string& what) {
    problems_.push_back(absl::StrCat(tensor.name, " ", what));
  }

  std::vector<std::string> names_;
  std::map<std::string, std::vector<int64_t>> shapes_;
  std::set<std::string> found_;
  std::vector<std::string> problems_;
};

}  // namespace

absl::Status FitToModel(const ModelConfig& model, absl::string_view where,
                        std::vector<ConvertedTensor>* tensors) {
  Fitter fitter(model);
  for (ConvertedTensor& tensor : *tensors) fitter.Fit(&tensor);
  return fitter.Finish(where);
}

}  // namespace perdure
