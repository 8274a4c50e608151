// exp, the logistic function and erfc in lanes, with a relative error of a few
// ulp. Ours rather than hwy/contrib/math: fewer operations where the range is
// known, and the same bits on AVX2 and AVX-512 in every version of Highway.
#if defined(PERDURE_RUNTIME_KERNELS_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PERDURE_RUNTIME_KERNELS_EXP_INL_H_
#undef PERDURE_RUNTIME_KERNELS_EXP_INL_H_
#else
#define PERDURE_RUNTIME_KERNELS_EXP_INL_H_
#endif

#include "hwy/highway.h"
#include "runtime/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {

// Below this exp(x) is taken as 0: the result would leave the normal numbers.
constexpr float kExpZeroBelow = -87.3f;

// exp(x) for x <= 88.7; 0 below kExpZeroBelow (and for -inf); NaN stays NaN.
HWY_INLINE Vec ExpBounded(Vec x) {
  // x = n ln 2 + r, |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to an integer
  // and leaves n in the low bits; ln 2 is split (Cody & Waite) so that
  // n * high is exact even without fma.
  const Vec magic = Broadcast(12582912.0f);
  const Vec shifted = hn::MulAdd(x, Broadcast(1.44269504f), magic);
  const Vec n = hn::Sub(shifted, magic);
  Vec r = hn::NegMulAdd(n, Broadcast(0.693359375f), x);
  r = hn::NegMulAdd(n, Broadcast(-2.12194440e-4f), r);
  // Polynomial of Cephes' expf (Moshier 1989).
  Vec p = Broadcast(1.9875691500e-4f);
  p = hn::MulAdd(p, r, Broadcast(1.3981999507e-3f));
  p = hn::MulAdd(p, r, Broadcast(8.3334519073e-3f));
  p = hn::MulAdd(p, r, Broadcast(4.1665795894e-2f));
  p = hn::MulAdd(p, r, Broadcast(1.6666665459e-1f));
  p = hn::MulAdd(p, r, Broadcast(5.0000001201e-1f));
  p = hn::MulAdd(hn::Mul(p, r), r, hn::Add(r, Broadcast(1.0f)));
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(U32(), shifted));
  const Vec y = hn::BitCast(F32(), hn::Add(hn::BitCast(U32(), p), exponent));
  return hn::IfThenZeroElse(hn::Lt(x, Broadcast(kExpZeroBelow)), y);
}

// exp(x), at most 3.1e38 instead of infinity.
HWY_INLINE Vec Exp(Vec x) {
  const Vec top = Broadcast(88.6f);
  return ExpBounded(hn::IfThenElse(hn::Gt(x, top), top, x));
}

// 1 / (1 + exp(-x))
HWY_INLINE Vec Sigmoid(Vec x) {
  const Vec one = Broadcast(1.0f);
  return hn::Div(one, hn::Add(one, Exp(hn::Neg(x))));
}

// exp(t^2) erfc(t) for t >= 0: a polynomial in (t - 3) / (t + 3), fitted on
// [0, 9.6] through Chebyshev nodes; the fit's relative error is 1.3e-8. Beyond
// 9.6 erfc(t) itself is 0 in fp32.
HWY_INLINE Vec ScaledErfc(Vec t) {
  const Vec three = Broadcast(3.0f);
  const Vec inverse = hn::Div(Broadcast(1.0f), hn::Add(t, three));
  const Vec u = hn::Mul(hn::Sub(t, three), inverse);
  Vec p = Broadcast(-0.000334883254f);
  p = hn::MulAdd(p, u, Broadcast(-0.000502334093f));
  p = hn::MulAdd(p, u, Broadcast(0.0030750765f));
  p = hn::MulAdd(p, u, Broadcast(-0.00121695572f));
  p = hn::MulAdd(p, u, Broadcast(-0.026835423f));
  p = hn::MulAdd(p, u, Broadcast(0.119527586f));
  p = hn::MulAdd(p, u, Broadcast(-0.310466737f));
  p = hn::MulAdd(p, u, Broadcast(0.590228379f));
  p = hn::MulAdd(p, u, Broadcast(-0.88339448f));
  p = hn::MulAdd(p, u, Broadcast(1.07400692f));
  return hn::Mul(p, inverse);
}

// The normal distribution at x: density phi and cumulative Phi. Relative error
// of both <= 1e-6, in the lower tail too (5e-6 there without fma).
struct Normal {
  Vec density;
  Vec cumulative;
};

HWY_INLINE Normal NormalAt(Vec x) {
  const Vec half = Broadcast(0.5f);
  // Beyond 13.2 the density is not a normal number; |x| may be huge.
  const Vec size = hn::Min(Broadcast(13.2f), hn::Abs(x));
  const Vec square = hn::Mul(size, size);
  // What rounding the square lost: at 13 it is worth 5e-6 of the density.
  // Without fma (scalar fallback) it comes out as 0.
  const Vec lost = hn::MulSub(size, size, square);
  const Vec e = ExpBounded(hn::Mul(square, Broadcast(-0.5f)));
  const Vec gauss = hn::NegMulAdd(hn::Mul(half, lost), e, e);
  const Vec scaled = ScaledErfc(hn::Mul(size, Broadcast(0.707106781f)));
  const Vec tail = hn::Mul(half, hn::Mul(gauss, scaled));
  Normal normal;
  normal.density = hn::Mul(gauss, Broadcast(0.398942280f));
  normal.cumulative = hn::IfThenElse(hn::Lt(x, hn::Zero(F32())), tail,
                                     hn::Sub(Broadcast(1.0f), tail));
  return normal;
}

}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PERDURE_RUNTIME_KERNELS_EXP_INL_H_
