#ifndef PERDURE_RUNTIME_TENSOR_VIEW_H_
#define PERDURE_RUNTIME_TENSOR_VIEW_H_

// Non-owning matrices. Everything a kernel touches is a matrix of `rows` rows
// of `cols` contiguous elements, `stride` elements apart: activations are [B*T,
// features], weights are [out, in], a part of a fused buffer is a column range.
// A vector is one row.

#include <cstdint>
#include <type_traits>

#include "glog/logging.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

template <typename VoidT>
struct BasicMatrixView {
  VoidT* data = nullptr;
  DType dtype = DType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;  // elements from a row to the next, >= cols

  BasicMatrixView() = default;
  BasicMatrixView(VoidT* data, DType dtype, int64_t rows, int64_t cols,
                  int64_t stride = 0)
      : data(data),
        dtype(dtype),
        rows(rows),
        cols(cols),
        stride(stride == 0 ? cols : stride) {}
  // Mutable converts to const.
  operator BasicMatrixView<const void>() const {
    return {data, dtype, rows, cols, stride};
  }

  int64_t size() const { return rows * cols; }
  bool contiguous() const { return stride == cols || rows <= 1; }

  // Typed base pointer; the element type must be the view's.
  template <typename T>
  auto* as() const {
    DCHECK(dtype == DTypeOf<T>());
    if constexpr (std::is_const_v<VoidT>) {
      return static_cast<const T*>(data);
    } else {
      return static_cast<T*>(data);
    }
  }
  BasicMatrixView Columns(int64_t begin, int64_t count) const {
    DCHECK_LE(begin + count, cols);
    return {Offset(begin), dtype, rows, count, stride};
  }
  BasicMatrixView Rows(int64_t begin, int64_t count) const {
    DCHECK_LE(begin + count, rows);
    return {Offset(begin * stride), dtype, count, cols, stride};
  }

 private:
  VoidT* Offset(int64_t elements) const {
    using Byte = std::conditional_t<std::is_const_v<VoidT>, const char, char>;
    return static_cast<Byte*>(data) + elements * SizeOf(dtype);
  }
};

using MatrixView = BasicMatrixView<void>;
using ConstMatrixView = BasicMatrixView<const void>;

}  // namespace perdure

#endif  // PERDURE_RUNTIME_TENSOR_VIEW_H_
