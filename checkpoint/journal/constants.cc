#include "checkpoint/journal/constants.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/nn/param_spec.h"
#include "runtime/optim/noise.h"
#include "runtime/tensor/dtype.h"

namespace perdure {
namespace {

// Differences of two JournalConstants, "what: written -> now".
class Differences {
 public:
  template <typename T>
  void Compare(absl::string_view what, const T& written, const T& now) {
    if (written == now) return;
    lines_.push_back(absl::StrCat(what, ": ", written, " -> ", now));
  }
  void Add(std::string line) { lines_.push_back(std::move(line)); }

  absl::Status ToStatus() const {
    if (lines_.empty()) return absl::OkStatus();
    // A model has thousands of parameters: the first will do.
    constexpr size_t kMost = 10;
    const std::vector<std::string> shown(
        lines_.begin(),
        lines_.begin() + static_cast<int64_t>(std::min(kMost, lines_.size())));
    return absl::FailedPreconditionError(absl::StrCat(
        "the journal's steps cannot be replayed, constants of their updates "
        "differ (written -> now):\n  ",
        absl::StrJoin(shown, "\n  "),
        lines_.size() > kMost
            ? absl::StrCat("\n  and ", lines_.size() - kMost, " more")
            : "",
        "\nuse the config and the Perdure that the run was started with"));
  }

 private:
  std::vector<std::string> lines_;
};

std::string Describe(const JournalParameter& parameter) {
  return absl::StrCat("[", absl::StrJoin(parameter.shape(), ", "), "]",
                      parameter.trainable() ? "" : " frozen",
                      parameter.decays() ? " decays" : "");
}

void CompareParameters(const JournalConstants& written,
                       const JournalConstants& now, Differences* differences) {
  std::map<std::string, std::string> there, here;
  for (const auto& p : written.parameters()) there[p.name()] = Describe(p);
  for (const auto& p : now.parameters()) here[p.name()] = Describe(p);
  for (const auto& [name, text] : there) {
    const auto match = here.find(name);
    differences->Compare(name, text,
                         match == here.end() ? "(none)" : match->second);
  }
  for (const auto& [name, text] : here) {
    if (!there.contains(name)) {
      differences->Compare(name, std::string("(none)"), text);
    }
  }
}

}  // namespace

JournalConstants ConstantsOf(const RunConfig& config) {
  JournalConstants constants;
  const TrainConfig& train = config.train();
  constants.set_method(TrainConfig::Method_Name(train.method()));
  constants.set_seed(train.seed());
  constants.set_dtype(std::string(DTypeName(
      train.dtype() == TrainConfig::BF16 ? DType::kBF16 : DType::kF32)));
  *constants.mutable_optim() = config.optim();
  if (train.method() == TrainConfig::ZEROTH_ORDER) {
    *constants.mutable_zeroth_order() = config.zeroth_order();
    constants.set_noise_version(kNoiseVersion);
  }
  const bool decays = config.optim().weight_decay() > 0;
  for (const ParamSpec& spec : ModelParams(config.model())) {
    if (!spec.alias_of.empty()) continue;
    JournalParameter* parameter = constants.add_parameters();
    parameter->set_name(spec.name);
    parameter->mutable_shape()->Assign(spec.shape.begin(), spec.shape.end());
    parameter->set_decays(decays && spec.decay && spec.trainable);
    parameter->set_trainable(spec.trainable);
  }
  return constants;
}

absl::Status CheckReplayable(const JournalConstants& written,
                             const JournalConstants& now) {
  Differences differences;
  differences.Compare("train.method", written.method(), now.method());
  differences.Compare("noise version (docs/noise.md)", written.noise_version(),
                      now.noise_version());
  differences.Compare(
      "zeroth_order.noise",
      ZerothOrderConfig::Noise_Name(written.zeroth_order().noise()),
      ZerothOrderConfig::Noise_Name(now.zeroth_order().noise()));
  differences.Compare("train.seed", written.seed(), now.seed());
  differences.Compare("train.dtype", written.dtype(), now.dtype());
  differences.Compare(
      "zeroth_order.rounding",
      ZerothOrderConfig::Rounding_Name(written.zeroth_order().rounding()),
      ZerothOrderConfig::Rounding_Name(now.zeroth_order().rounding()));
  CompareParameters(written, now, &differences);
  return differences.ToStatus();
}

}  // namespace perdure
