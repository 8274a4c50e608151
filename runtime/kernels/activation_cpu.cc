#include <algorithm>

#include "glog/logging.h"
#include "runtime/kernels/activation.h"
#include "runtime/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/kernels/activation_cpu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/kernels/exp-inl.h"
#include "runtime/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {
namespace {

// Each functor gives f(x), or f(x) and f'(x) at once.
struct GeluTanh {
  // 0.5 (1 + tanh(u)) = sigmoid(2 u): no cancellation for negative x.
  static HWY_INLINE Vec Gate(Vec x) {
    const Vec cubic = hn::MulAdd(hn::Mul(x, x), Broadcast(0.0713548162726f),
                                 Broadcast(1.59576912160573f));
    return Sigmoid(hn::Mul(x, cubic));
  }
  static HWY_INLINE Vec Value(Vec x) { return hn::Mul(x, Gate(x)); }
  static HWY_INLINE Vec Slope(Vec x, Vec* value) {
    const Vec gate = Gate(x);
    *value = hn::Mul(x, gate);
    const Vec inner = hn::MulAdd(hn::Mul(x, x), Broadcast(0.2140644488178f),
                                 Broadcast(1.59576912160573f));
    const Vec bell = hn::NegMulAdd(gate, gate, gate);
    return hn::MulAdd(hn::Mul(x, bell), inner, gate);
  }
};

struct Gelu {
  static HWY_INLINE Vec Value(Vec x) {
    return hn::Mul(x, NormalAt(x).cumulative);
  }
  static HWY_INLINE Vec Slope(Vec x, Vec* value) {
    const Normal normal = NormalAt(x);
    *value = hn::Mul(x, normal.cumulative);
    return hn::MulAdd(x, normal.density, normal.cumulative);
  }
};

struct Relu {
  // A comparison, not Max: NaN must come out as NaN.
  static HWY_INLINE Vec Value(Vec x) {
    return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(F32())), x);
  }
  static HWY_INLINE Vec Slope(Vec x, Vec* value) {
    *value = Value(x);
    return hn::IfThenElseZero(hn::Gt(x, hn::Zero(F32())), Broadcast(1.0f));
  }
};

struct Silu {
  static HWY_INLINE Vec Value(Vec x) { return hn::Mul(x, Sigmoid(x)); }
  static HWY_INLINE Vec Slope(Vec x, Vec* value) {
    const Vec gate = Sigmoid(x);
    *value = hn::Mul(x, gate);
    return hn::MulAdd(*value, hn::Sub(Broadcast(1.0f), gate), gate);
  }
};

// Calls body with the functor of `kind`.
template <typename Body>
void WithActivation(Activation kind, Body&& body) {
  switch (kind) {
    case Activation::kGeluTanh:
      return body(GeluTanh());
    case Activation::kGelu:
      return body(Gelu());
    case Activation::kRelu:
      return body(Relu());
    case Activation::kSilu:
      return body(Silu());
  }
}

// Calls body(functor, zero of the element type).
template <typename Body>
void WithTypes(Activation kind, DType dtype, Body&& body) {
  WithActivation(kind, [&](auto f) {
    dtype == DType::kF32 ? body(f, float{}) : body(f, bf16{});
  });
}

void ForwardRows(Activation kind, const ConstMatrixView& x, const MatrixView& y,
                 int64_t begin, int64_t end) {
  WithTypes(kind, x.dtype, [&](auto f, auto zero) {
    using T = decltype(zero);
    for (int64_t row = begin; row < end; ++row) {
      const T* in = x.as<T>() + row * x.stride;
      T* out = y.as<T>() + row * y.stride;
      ForEachVector(x.cols, [&](int64_t i, int64_t left) HWY_ATTR {
        StoreUpTo(f.Value(LoadUpTo(in + i, left)), out + i, left);
      });
    }
  });
}

void BackwardRows(Activation kind, const ConstMatrixView& x,
                  const ConstMatrixView& dy, const MatrixView& dx,
                  int64_t begin, int64_t end) {
  WithTypes(kind, x.dtype, [&](auto f, auto zero) {
    using T = decltype(zero);
    for (int64_t row = begin; row < end; ++row) {
      const T* in = x.as<T>() + row * x.stride;
      const T* grad = dy.as<T>() + row * dy.stride;
      T* out = dx.as<T>() + row * dx.stride;
      ForEachVector(x.cols, [&](int64_t i, int64_t left) HWY_ATTR {
        Vec value;
        const Vec slope = f.Slope(LoadUpTo(in + i, left), &value);
        StoreUpTo(hn::Mul(LoadUpTo(grad + i, left), slope), out + i, left);
      });
    }
  });
}

void GatedForwardRows(Activation kind, const ConstMatrixView& gate,
                      const ConstMatrixView& up, const MatrixView& y,
                      int64_t begin, int64_t end) {
  WithTypes(kind, gate.dtype, [&](auto f, auto zero) {
    using T = decltype(zero);
    for (int64_t row = begin; row < end; ++row) {
      const T* g = gate.as<T>() + row * gate.stride;
      const T* u = up.as<T>() + row * up.stride;
      T* out = y.as<T>() + row * y.stride;
      ForEachVector(gate.cols, [&](int64_t i, int64_t left) HWY_ATTR {
        const Vec value = f.Value(LoadUpTo(g + i, left));
        StoreUpTo(hn::Mul(value, LoadUpTo(u + i, left)), out + i, left);
      });
    }
  });
}

void GatedBackwardRows(Activation kind, const GatedGradients& m, int64_t begin,
                       int64_t end) {
  WithTypes(kind, m.gate.dtype, [&](auto f, auto zero) {
    using T = decltype(zero);
    for (int64_t row = begin; row < end; ++row) {
      const T* g = m.gate.as<T>() + row * m.gate.stride;
      const T* u = m.up.as<T>() + row * m.up.stride;
      const T* grad = m.dy.as<T>() + row * m.dy.stride;
      T* dg = m.dgate.as<T>() + row * m.dgate.stride;
      T* du = m.dup.as<T>() + row * m.dup.stride;
      ForEachVector(m.gate.cols, [&](int64_t i, int64_t left) HWY_ATTR {
        Vec value;
        const Vec slope = f.Slope(LoadUpTo(g + i, left), &value);
        const Vec d = LoadUpTo(grad + i, left);
        const Vec dvalue = hn::Mul(d, LoadUpTo(u + i, left));
        StoreUpTo(hn::Mul(d, value), du + i, left);
        StoreUpTo(hn::Mul(dvalue, slope), dg + i, left);
      });
    }
  });
}

}  // namespace
}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace perdure::kernels {
namespace {

HWY_EXPORT(ForwardRows);
HWY_EXPORT(BackwardRows);
HWY_EXPORT(GatedForwardRows);
HWY_EXPORT(GatedBackwardRows);

// About 16 Ki elements a chunk: some 10 us of work.
int64_t RowGrain(int64_t cols) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(cols, 1));
}

void CheckAlike(const ConstMatrixView& a, const ConstMatrixView& b) {
  CHECK(a.dtype == b.dtype && a.rows == b.rows && a.cols == b.cols)
      << "activation operands differ: " << DTypeName(a.dtype) << " [" << a.rows
      << ", " << a.cols << "] and " << DTypeName(b.dtype) << " [" << b.rows
      << ", " << b.cols << "]";
  CHECK(a.dtype == DType::kF32 || a.dtype == DType::kBF16);
}

}  // namespace

void ActivationForward(StreamView stream, Activation kind, ConstMatrixView x,
                       MatrixView y) {
  CheckAlike(x, y);
  ParallelFor(stream, x.rows, RowGrain(x.cols),
              [&](int64_t begin, int64_t end) {
                HWY_DYNAMIC_DISPATCH(ForwardRows)(kind, x, y, begin, end);
              });
}

void ActivationBackward(StreamView stream, Activation kind, ConstMatrixView x,
                        ConstMatrixView dy, MatrixView dx) {
  CheckAlike(x, dy);
  CheckAlike(x, dx);
  ParallelFor(stream, x.rows, RowGrain(x.cols),
              [&](int64_t begin, int64_t end) {
                HWY_DYNAMIC_DISPATCH(BackwardRows)(kind, x, dy, dx, begin, end);
              });
}

void GatedForward(StreamView stream, Activation kind, ConstMatrixView gate,
                  ConstMatrixView up, MatrixView y) {
  CheckAlike(gate, up);
  CheckAlike(gate, y);
  ParallelFor(stream, gate.rows, RowGrain(gate.cols),
              [&](int64_t begin, int64_t end) {
                HWY_DYNAMIC_DISPATCH(GatedForwardRows)
                (kind, gate, up, y, begin, end);
              });
}

void GatedBackward(StreamView stream, Activation kind,
                   const GatedGradients& views) {
  for (const ConstMatrixView& other :
       {views.up, views.dy, ConstMatrixView(views.dgate),
        ConstMatrixView(views.dup)}) {
    CheckAlike(views.gate, other);
  }
  ParallelFor(stream, views.gate.rows, RowGrain(views.gate.cols),
              [&](int64_t begin, int64_t end) {
                HWY_DYNAMIC_DISPATCH(GatedBackwardRows)
                (kind, views, begin, end);
              });
}

}  // namespace perdure::kernels
#endif  // HWY_ONCE
