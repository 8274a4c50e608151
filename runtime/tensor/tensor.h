#ifndef PERDURE_RUNTIME_TENSOR_TENSOR_H_
#define PERDURE_RUNTIME_TENSOR_TENSOR_H_

// An owned matrix on a device: a Buffer with a shape.

#include <cstdint>

#include "runtime/device/device.h"
#include "runtime/tensor/view.h"

namespace perdure {

class Tensor {
 public:
  Tensor() = default;
  // Uninitialised. Dies (CHECK) only on negative sizes; memory that cannot be
  // had ends the process with exit code 4 and the size asked for.
  Tensor(Device& device, DType dtype, int64_t rows, int64_t cols);

  MatrixView view() { return {buffer_.data(), dtype_, rows_, cols_}; }
  ConstMatrixView view() const {
    return {buffer_.data(), dtype_, rows_, cols_};
  }
  template <typename T>
  T* data() {
    return view().as<T>();
  }
  template <typename T>
  const T* data() const {
    return view().as<T>();
  }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  int64_t bytes() const { return rows_ * cols_ * SizeOf(dtype_); }
  bool empty() const { return rows_ * cols_ == 0; }

 private:
  Buffer buffer_;
  DType dtype_ = DType::kF32;
  int64_t rows_ = 0;
  int64_t cols_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_TENSOR_TENSOR_H_
