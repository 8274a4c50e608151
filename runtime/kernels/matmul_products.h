#ifndef PERDURE_RUNTIME_KERNELS_MATMUL_PRODUCTS_H_
#define PERDURE_RUNTIME_KERNELS_MATMUL_PRODUCTS_H_

// Private to matmul_cpu.cc: oneDNN's matmul primitives, made once a shape.

#include <compare>
#include <map>

#include "oneapi/dnnl/dnnl.hpp"
#include "runtime/tensor/dtype.h"
#include "runtime/tensor/view.h"

namespace perdure {

// Everything that a primitive depends on. C [m, n] = A [m, k] B [k, n], all
// without gaps between rows.
struct ProductShape {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  DType in = DType::kF32;
  DType out = DType::kF32;
  bool transpose_a = false;  // A is stored [k, m]
  bool transpose_b = false;  // B is stored [n, k]
  bool pack_b = false;       // B is in the layout oneDNN likes best
  bool accumulate = false;
  bool bias = false;
  int threads = 1;  // the schedule of a primitive is fixed when it is made

  auto operator<=>(const ProductShape&) const = default;
};

// Ready to run: the memory objects take their pointers at each call.
struct Product {
  dnnl::matmul primitive;
  dnnl::memory a, b, bias, c;
};

// rows x cols as oneDNN sees it; transposed: stored [cols, rows]. `stride` is
// the distance between stored rows.
dnnl::memory::desc PlainLayout(DType dtype, int64_t rows, int64_t cols,
                               bool transposed, int64_t stride);

class ProductCache {
 public:
  ProductCache();
  // Valid until the next call. Throws dnnl::error.
  Product& Get(const ProductShape& shape);
  const dnnl::engine& engine() const { return engine_; }

 private:
  Product Make(const ProductShape& shape) const;

  dnnl::engine engine_;
  std::map<ProductShape, Product> products_;
};

// True where a product of this dtype runs on oneDNN's blocked ("brg") kernels.
bool HasBlockedKernel(DType dtype);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_KERNELS_MATMUL_PRODUCTS_H_
