#include "runtime/kernels/adamw.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/kernels/adamw_update.h"
#include "tests/runtime/kernels/reference.h"

namespace perdure::kernels {
namespace {

// Parameters and moments of one run; `Grad` is the same in every run.
struct State {
  explicit State(int64_t n)
      : param(static_cast<size_t>(n)),
        m(param.size(), 0.0f),
        v(param.size(), 0.0f),
        shadow(param.size()) {
    for (int64_t i = 0; i < n; ++i) {
      param[static_cast<size_t>(i)] = static_cast<float>(Noise(1, i));
    }
  }
  int64_t size() const { return static_cast<int64_t>(param.size()); }

  std::vector<float> param, m, v;
  std::vector<bf16> shadow;
};

// Gradients over many orders of magnitude, zeros among them.
std::vector<float> Grad(int64_t n, int64_t step) {
  std::vector<float> grad;
  for (int64_t i = 0; i < n; ++i) {
    const double magnitude = std::pow(10.0, 3 * Noise(5, i) - 3);
    const double g = Noise(static_cast<uint32_t>(100 + step), i) * magnitude;
    grad.push_back(i % 11 == 0 ? 0.0f : static_cast<float>(g));
  }
  return grad;
}

AdamWSettings Settings() {
  AdamWSettings settings;
  settings.lr = 3e-3f;
  settings.weight_decay = 0.1f;
  settings.grad_scale = 0.25f;
  return settings;
}

void Train(StreamView stream, int steps, State& state) {
  AdamWSettings settings = Settings();
  for (settings.step = 1; settings.step <= steps; ++settings.step) {
    const std::vector<float> grad = Grad(state.size(), settings.step);
    AdamW(stream, settings,
          {grad.data(), state.param.data(), state.m.data(), state.v.data(),
           state.shadow.data(), state.size()});
  }
}

// The formula of torch.optim.AdamW in fp64.
Doubles Reference(int64_t n, int steps) {
  const AdamWSettings s = Settings();
  Doubles p(static_cast<size_t>(n)), m(p.size()), v(p.size());
  for (size_t i = 0; i < p.size(); ++i) {
    p[i] = static_cast<float>(Noise(1, static_cast<int64_t>(i)));
  }
  for (int t = 1; t <= steps; ++t) {
    const std::vector<float> grad = Grad(n, t);
    const double correction1 = 1 - std::pow(double{s.beta1}, t);
    const double correction2 = 1 - std::pow(double{s.beta2}, t);
    for (size_t i = 0; i < p.size(); ++i) {
      const double g = double{grad[i]} * s.grad_scale;
      p[i] *= 1 - double{s.lr} * s.weight_decay;
      m[i] = s.beta1 * m[i] + (1 - double{s.beta1}) * g;
      v[i] = s.beta2 * v[i] + (1 - double{s.beta2}) * g * g;
      p[i] -=
          s.lr / correction1 * m[i] / (std::sqrt(v[i] / correction2) + s.eps);
    }
  }
  return p;
}

TEST(AdamWTest, TwentyStepsAgreeWithDoublePrecision) {
  OnEveryInstructionSet([] {
    for (int64_t n : {1, 7, 16, 1000}) {
      State state(n);
      Train(Threads(2), 20, state);
      ExpectClose(Doubles(state.param.begin(), state.param.end()),
                  Reference(n, 20), 1e-6);
    }
  });
}

TEST(AdamWTest, ShadowIsTheParameterRoundedToBf16) {
  State state(1003);
  Train(Threads(2), 3, state);
  for (size_t i = 0; i < state.param.size(); ++i) {
    ASSERT_EQ(state.shadow[i].bits, bf16(state.param[i]).bits);
  }
}

TEST(AdamWTest, BitsDependNeitherOnThreadsNorInstructionSet) {
  State scalar(50001);
  const AdamWUpdate update(Settings());
  const std::vector<float> grad = Grad(scalar.size(), 1);
  for (size_t i = 0; i < grad.size(); ++i) {
    scalar.param[i] =
        update(grad[i], scalar.param[i], scalar.m[i], scalar.v[i]);
  }
  OnEveryInstructionSet([&] {
    for (int threads : {1, 3}) {
      State state(scalar.size());
      Train(Threads(threads), 1, state);
      EXPECT_EQ(state.param, scalar.param);
      EXPECT_EQ(state.m, scalar.m);
      EXPECT_EQ(state.v, scalar.v);
    }
  });
}

TEST(AdamWTest, ZeroGradientOnlyDecays) {
  AdamWSettings settings = Settings();
  float grad = 0, param = 2, m = 0, v = 0;
  AdamW(Threads(1), settings, {&grad, &param, &m, &v, nullptr, 1});
  EXPECT_FLOAT_EQ(param, 2 * (1 - 3e-4f));
  EXPECT_EQ(m, 0.0f);
  EXPECT_EQ(v, 0.0f);
}

}  // namespace
}  // namespace perdure::kernels
