// AdamW behind gradient clipping against torch.optim.AdamW and
// clip_grad_norm_ (tests/goldens/adamw).

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/device/device.h"
#include "runtime/kernels/adamw.h"
#include "tests/support/golden_file.h"

namespace perdure {
namespace {

constexpr double kTolerance = 1e-6;
const char* const kParams[] = {"matrix", "vector"};

struct State {
  std::vector<float> param, m, v;
};

// What the optimizer is told: lr, beta1, beta2, eps, weight decay, clip norm.
struct Settings {
  kernels::AdamWSettings adamw;
  float weight_decay;
  float clip_norm;
};

Settings ReadSettings(const GoldenFile& golden) {
  const std::vector<float>& s = golden.at("settings").values;
  Settings settings;
  settings.adamw.lr = s[0];
  settings.adamw.beta1 = s[1];
  settings.adamw.beta2 = s[2];
  settings.adamw.eps = s[3];
  settings.weight_decay = s[4];
  settings.clip_norm = s[5];
  return settings;
}

double GlobalNorm(const GoldenFile& golden, int step) {
  double sum = 0;
  for (const std::string param : kParams) {
    for (const float g :
         golden.at(absl::StrCat("grad.", step, ".", param)).values) {
      sum += double{g} * g;
    }
  }
  return std::sqrt(sum);
}

TEST(AdamWGoldenTest, FiveClippedStepsEndWhereTorchEnds) {
  const GoldenFile golden("adamw/golden.safetensors");
  const Settings settings = ReadSettings(golden);
  const auto device = MakeCpuDevice(1);
  std::map<std::string, State> states;
  for (const std::string param : kParams) {
    State& state = states[param];
    state.param = golden.at("param.0." + param).values;
    state.m.assign(state.param.size(), 0);
    state.v.assign(state.param.size(), 0);
  }
  for (int step = 1; step <= 5; ++step) {
    const double norm = GlobalNorm(golden, step);
    EXPECT_NEAR(norm, golden.at("norms").values[step - 1], 1e-5);
    for (auto& [param, state] : states) {
      kernels::AdamWSettings adamw = settings.adamw;
      adamw.step = step;
      adamw.weight_decay = param == "matrix" ? settings.weight_decay : 0;
      if (norm > settings.clip_norm) {
        adamw.grad_scale =
            static_cast<float>(settings.clip_norm / (norm + 1e-6));
      }
      const std::string suffix = absl::StrCat(step, ".", param);
      kernels::AdamW(device->stream(), adamw,
                     {.grad = golden.at("grad." + suffix).values.data(),
                      .param = state.param.data(),
                      .m = state.m.data(),
                      .v = state.v.data(),
                      .n = static_cast<int64_t>(state.param.size())});
      const std::vector<float>& want = golden.at("param." + suffix).values;
      EXPECT_LE(RelativeError(want, state.param, want), kTolerance) << suffix;
    }
  }
  for (const auto& [param, state] : states) {
    const std::vector<float>& want_m = golden.at("m." + param).values;
    EXPECT_LE(RelativeError(want_m, state.m, want_m), kTolerance);
    const std::vector<float>& want_v = golden.at("v." + param).values;
    EXPECT_LE(RelativeError(want_v, state.v, want_v), kTolerance);
  }
}

}  // namespace
}  // namespace perdure
