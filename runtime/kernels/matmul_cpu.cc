// A [M, K], B [K, N], C [M, N].
#include <omp.h>

#include <algorithm>
#include <cstring>

#include "glog/logging.h"
#include "runtime/kernels/elementwise.h"
#include "runtime/kernels/matmul.h"
#include "runtime/kernels/matmul_products.h"
#include "runtime/tensor/tensor.h"

namespace perdure {
namespace {

// oneDNN takes its thread count from the calling thread's OpenMP setting.
class ScopedOmpThreads {
 public:
  explicit ScopedOmpThreads(int threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(threads);
  }
  ~ScopedOmpThreads() { omp_set_num_threads(before_); }
  ScopedOmpThreads(const ScopedOmpThreads&) = delete;
  ScopedOmpThreads& operator=(const ScopedOmpThreads&) = delete;

 private:
  int before_;
};

// oneDNN copies blocks of a plain B as it goes, about as fast as we could pack
// it, once for every few hundred rows of A. Packing first wins (2-15 % over
// machines and shapes) once that copy is repeated, and earlier where B's rows
// are a multiple of 4 KiB apart and so share few cache sets. All layouts give
// the same bits, so the choice is free.
bool PackingPays(ConstMatrixView b, int64_t m, bool transpose_b) {
  const bool aliased = !transpose_b && b.stride * SizeOf(b.dtype) % 4096 == 0;
  return m >= 1024 || (aliased && m >= 256);
}

// With a transposed A, oneDNN cuts sums of 2048 and more terms among threads
// that find no columns to work on, so that bits depend on the thread count.
// Sums of at most kSlice terms it leaves whole, and those of a row-major A.
constexpr int64_t kSlice = 1024;

bool OneDnnMayCutSum(const ProductShape& s) {
  return s.transpose_a && s.k >= 2 * kSlice;
}

ProductShape ShapeOf(StreamView stream, ConstMatrixView a, ConstMatrixView b,
                     MatrixView c, const MatmulOptions& options) {
  ProductShape s;
  s.m = c.rows;
  s.n = c.cols;
  s.k = options.transpose_a ? a.rows : a.cols;
  s.in = a.dtype;
  s.out = c.dtype;
  s.transpose_a = options.transpose_a;
  s.transpose_b = options.transpose_b;
  s.accumulate = options.accumulate;
  s.bias = options.bias != nullptr;
  s.threads = stream.threads;
  CHECK_EQ(options.transpose_a ? a.cols : a.rows, s.m)
      << "A's rows are not C's";
  CHECK_EQ(options.transpose_b ? b.rows : b.cols, s.n)
      << "B's columns are not C's";
  CHECK_EQ(options.transpose_b ? b.cols : b.rows, s.k)
      << "A's columns are not B's rows";
  CHECK(a.dtype == b.dtype) << "A and B differ in dtype";
  CHECK(a.dtype == DType::kF32 || a.dtype == DType::kBF16);
  CHECK(c.dtype == DType::kF32 || (c.dtype == a.dtype && !s.accumulate))
      << "C must be F32 here, it is " << DTypeName(c.dtype);
  CHECK(!(s.accumulate && s.bias)) << "a bias cannot be accumulated";
  return s;
}

// An empty sum.
void StoreBias(StreamView stream, const MatmulOptions& options, MatrixView c) {
  if (options.accumulate) return;
  for (int64_t row = 0; row < c.rows; ++row) {
    const MatrixView line = c.Rows(row, 1);
    std::memset(line.data, 0, static_cast<size_t>(c.cols * SizeOf(c.dtype)));
    if (options.bias != nullptr) kernels::AddBias(stream, options.bias, line);
  }
}

}  // namespace

struct Matmul::Impl {
  explicit Impl(bool native) : native_bf16(native), queue(products.engine()) {}

  enum Slot { kWideA, kWideB, kCopyA, kPackedB, kPlainC, kSlots };

  void* Scratch(StreamView stream, Slot slot, size_t bytes);
  ConstMatrixView Widened(StreamView stream, Slot slot, ConstMatrixView x);
  void Reorder(const dnnl::memory::desc& from, const void* source,
               dnnl::memory& target);
  void BindA(StreamView stream, ConstMatrixView a, bool transposed,
             const ProductShape& shape, Product& product);
  void BindB(StreamView stream, ConstMatrixView b, const ProductShape& shape,
             Product& product);
  void Multiply(StreamView stream, ConstMatrixView a, ConstMatrixView b,
                MatrixView c, const MatmulOptions& options);
  void MultiplySlices(StreamView stream, ConstMatrixView a, ConstMatrixView b,
                      MatrixView c, const MatmulOptions& options);
  void Execute(Product& product, const float* bias, void* c);

  bool native_bf16;
  ProductCache products;
  dnnl::stream queue;
  Tensor scratch[kSlots];
};

void* Matmul::Impl::Scratch(StreamView stream, Slot slot, size_t bytes) {
  Tensor& tensor = scratch[slot];
  if (tensor.bytes() < static_cast<int64_t>(bytes)) {
    CHECK(stream.device != nullptr) << "scratch needs the stream's device";
    tensor = Tensor();  // give back first: the peak is what counts
    tensor = Tensor(*stream.device, DType::kU8, 1, static_cast<int64_t>(bytes));
  }
  return tensor.view().data;
}

ConstMatrixView Matmul::Impl::Widened(StreamView stream, Slot slot,
                                      ConstMatrixView x) {
  void* data = Scratch(stream, slot, static_cast<size_t>(x.size()) * 4);
  const MatrixView wide(data, DType::kF32, x.rows, x.cols);
  kernels::Convert(stream, x, wide);
  return wide;
}

void Matmul::Impl::Reorder(const dnnl::memory::desc& from, const void* source,
                           dnnl::memory& target) {
  // oneDNN's own cache keeps the reorder; only reads through the pointer.
  dnnl::memory memory(from, products.engine(), const_cast<void*>(source));
  dnnl::reorder(memory, target).execute(queue, memory, target);
}

void Matmul::Impl::BindA(StreamView stream, ConstMatrixView a, bool transposed,
                         const ProductShape& shape, Product& product) {
  if (a.contiguous() && transposed == shape.transpose_a) {
    product.a.set_data_handle(const_cast<void*>(a.data));
    return;
  }
  const size_t bytes = static_cast<size_t>(a.size() * SizeOf(a.dtype));
  product.a.set_data_handle(Scratch(stream, kCopyA, bytes));
  Reorder(PlainLayout(a.dtype, shape.m, shape.k, transposed, a.stride), a.data,
          product.a);
}

void Matmul::Impl::BindB(StreamView stream, ConstMatrixView b,
                         const ProductShape& shape, Product& product) {
  if (!shape.pack_b) {
    product.b.set_data_handle(const_cast<void*>(b.data));
    return;
  }
  const size_t bytes = product.b.get_desc().get_size();
  product.b.set_data_handle(Scratch(stream, kPackedB, bytes));
  Reorder(PlainLayout(b.dtype, shape.k, shape.n, shape.transpose_b, b.stride),
          b.data, product.b);
}

void Matmul::Impl::Execute(Product& product, const float* bias, void* c) {
  product.c.set_data_handle(c);
  if (bias == nullptr) {
    product.primitive.execute(queue, {{DNNL_ARG_SRC, product.a},
                                      {DNNL_ARG_WEIGHTS, product.b},
                                      {DNNL_ARG_DST, product.c}});
    return;
  }
  product.bias.set_data_handle(const_cast<float*>(bias));
  product.primitive.execute(queue, {{DNNL_ARG_SRC, product.a},
                                    {DNNL_ARG_WEIGHTS, product.b},
                                    {DNNL_ARG_BIAS, product.bias},
                                    {DNNL_ARG_DST, product.c}});
}

void Matmul::Impl::Multiply(StreamView stream, ConstMatrixView a,
                            ConstMatrixView b, MatrixView c,
                            const MatmulOptions& options) {
  const bool widen = a.dtype == DType::kBF16 && !native_bf16;
  if (widen) {
    a = Widened(stream, kWideA, a);
    b = Widened(stream, kWideB, b);
  }
  // The blocked kernels take no gaps between rows; oneDNN would silently fall
  // back to its sgemm, which is not reproducible.
  const bool direct = c.contiguous() && !(widen && c.dtype == DType::kBF16);
  MatrixView result = c;
  if (!direct) {
    const DType dtype = widen ? DType::kF32 : c.dtype;
    const size_t bytes = static_cast<size_t>(c.size() * SizeOf(dtype));
    result = {Scratch(stream, kPlainC, bytes), dtype, c.rows, c.cols};
  }
  MatmulOptions rest = options;
  rest.accumulate = options.accumulate && direct;
  ProductShape shape = ShapeOf(stream, a, b, result, rest);
  if (!a.contiguous() || OneDnnMayCutSum(shape)) shape.transpose_a = false;
  shape.pack_b =
      !b.contiguous() || PackingPays(b, shape.m, options.transpose_b);

  Product& product = products.Get(shape);
  BindA(stream, a, options.transpose_a, shape, product);
  BindB(stream, b, shape, product);
  Execute(product, options.bias, result.data);
  queue.wait();
  if (direct) return;
  options.accumulate ? kernels::Add(stream, result, c)
                     : kernels::Convert(stream, result, c);
}

// A weight gradient over many rows: the slices are added to C in order.
void Matmul::Impl::MultiplySlices(StreamView stream, ConstMatrixView a,
                                  ConstMatrixView b, MatrixView c,
                                  const MatmulOptions& options) {
  MatmulOptions slice = options;
  for (int64_t row = 0; row < a.rows; row += kSlice) {
    const int64_t rows = std::min(kSlice, a.rows - row);
    Multiply(stream, a.Rows(row, rows), b.Rows(row, rows), c, slice);
    slice.accumulate = true;
    slice.bias = nullptr;
  }
}

Matmul::Matmul(bool native_bf16) : impl_(std::make_unique<Impl>(native_bf16)) {}
Matmul::~Matmul() = default;

void Matmul::Run(StreamView stream, ConstMatrixView a, ConstMatrixView b,
                 MatrixView c, const MatmulOptions& options) {
  const ProductShape shape = ShapeOf(stream, a, b, c, options);
  if (shape.m == 0 || shape.n == 0) return;
  if (shape.k == 0) return StoreBias(stream, options, c);
  const ScopedOmpThreads threads(stream.threads);
  try {
    // The others that oneDNN might cut get a row-major copy of A.
    const bool sliced = OneDnnMayCutSum(shape) && !options.transpose_b &&
                        c.dtype == DType::kF32;
    sliced ? impl_->MultiplySlices(stream, a, b, c, options)
           : impl_->Multiply(stream, a, b, c, options);
  } catch (const dnnl::error& error) {
    LOG(FATAL) << "oneDNN cannot multiply [" << shape.m << ", " << shape.k
               << "] by [" << shape.k << ", " << shape.n << "] of "
               << DTypeName(a.dtype) << ": " << error.what() << " (status "
               << static_cast<int>(error.status) << ")";
  }
}

bool HasNativeBf16Matmul() { return HasBlockedKernel(DType::kBF16); }
bool HasReproducibleMatmul() { return HasBlockedKernel(DType::kF32); }

}  // namespace perdure
