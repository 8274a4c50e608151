#ifndef PERDURE_RUNTIME_OPTIM_NOISE_FORMULA_H_
#define PERDURE_RUNTIME_OPTIM_NOISE_FORMULA_H_

// What every reading of docs/noise.md shares: the constants, and the layout of
// a tensor's elements over counters. Private to this component.

#include <cstdint>

namespace perdure::noise_formula {

// Counters are computed 16 at a time, a counter a lane. Their four words make
// runs of consecutive elements without any transposition:
//   Gaussian   64 elements of 16 counters: element 16 w + lane from word w
//   rounding  128 elements of 16 counters: element 16 h + lane from half h of
//             the four words, the lower half first
//   Rademacher 128 elements of 1 counter: bit by bit
constexpr int64_t kCounterLanes = 16;
constexpr int64_t kGaussianGroup = 64;
constexpr int64_t kRoundingGroup = 128;
constexpr int64_t kRademacherBlock = 128;
constexpr int64_t kWidestGroup = 128;

// u = |a| 2^-31 + 2^-33 of a signed a: within (0, 1].
constexpr float kUniformScale = 0x1p-31f;
constexpr float kUniformOffset = 0x1p-33f;

// u = 2^e (1 + f), 1 + f within [sqrt(1/2), sqrt(2)):
// -2 ln(u) = f P(f) + e 2^23 kLogOfTwo. |relative error of P| < 3.4e-8.
constexpr int32_t kSqrtHalfBits = 0x3f3504f3;
constexpr int32_t kExponentBits = static_cast<int32_t>(0xff800000u);
constexpr float kLogOfTwo = -0x1.62e430p-23f;
constexpr float kLogTerms[] = {
    -0x1.000000p+1f, 0x1.000000p+0f,  -0x1.5556d8p-1f,
    0x1.000380p-1f,  -0x1.98d854p-2f, 0x1.5382a6p-2f,
    -0x1.31712ep-2f, 0x1.242f4cp-2f,  -0x1.6466f2p-3f};

// An angle of t quarter turns, t = b 2^-31 of a signed b: within [-1, 1].
// sin = t S(t^2), cos = C(t^2), errors < 9e-9 and < 5.5e-8.
constexpr float kAngleScale = 0x1p-31f;
constexpr float kSineTerms[] = {0x1.921fb4p+0f, -0x1.4abba2p-1f, 0x1.466512p-4f,
                                -0x1.31ff02p-8f, 0x1.396054p-13f};
constexpr float kCosineTerms[] = {1.0f, -0x1.3bd3b0p+0f, 0x1.03bd98p-2f,
                                  -0x1.5501a2p-6f, 0x1.c2893cp-11f};

}  // namespace perdure::noise_formula

#endif  // PERDURE_RUNTIME_OPTIM_NOISE_FORMULA_H_
