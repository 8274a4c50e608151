#include "runtime/kernels/matmul_products.h"

#include <string>
#include <utility>

namespace perdure {
namespace {

// Sequences of many lengths (evaluation, generation) would let the cache grow
// without end; a training step needs a few dozen shapes.
constexpr size_t kMaxProducts = 512;

dnnl::memory::data_type TypeOf(DType dtype) {
  return dtype == DType::kBF16 ? dnnl::memory::data_type::bf16
                               : dnnl::memory::data_type::f32;
}

dnnl::matmul::primitive_desc Describe(const ProductShape& s,
                                      const dnnl::engine& engine) {
  const auto a =
      PlainLayout(s.in, s.m, s.k, s.transpose_a, s.transpose_a ? s.m : s.k);
  const auto b = s.pack_b ? dnnl::memory::desc({s.k, s.n}, TypeOf(s.in),
                                               dnnl::memory::format_tag::any)
                          : PlainLayout(s.in, s.k, s.n, s.transpose_b,
                                        s.transpose_b ? s.k : s.n);
  const auto c = PlainLayout(s.out, s.m, s.n, false, s.n);
  dnnl::primitive_attr attributes;
  if (s.accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  if (!s.bias) return {dnnl::matmul::desc(a, b, c), attributes, engine};
  const auto bias = PlainLayout(DType::kF32, 1, s.n, false, s.n);
  return {dnnl::matmul::desc(a, b, bias, c), attributes, engine};
}

}  // namespace

dnnl::memory::desc PlainLayout(DType dtype, int64_t rows, int64_t cols,
                               bool transposed, int64_t stride) {
  const dnnl::memory::dims strides = transposed ? dnnl::memory::dims{1, stride}
                                                : dnnl::memory::dims{stride, 1};
  return {{rows, cols}, TypeOf(dtype), strides};
}

ProductCache::ProductCache() : engine_(dnnl::engine::kind::cpu, 0) {}

Product& ProductCache::Get(const ProductShape& shape) {
  const auto found = products_.find(shape);
  if (found != products_.end()) return found->second;
  if (products_.size() >= kMaxProducts) products_.clear();
  return products_.emplace(shape, Make(shape)).first->second;
}

Product ProductCache::Make(const ProductShape& shape) const {
  const dnnl::matmul::primitive_desc desc = Describe(shape, engine_);
  const auto unbound = [this](const dnnl::memory::desc& layout) {
    return dnnl::memory(layout, engine_, nullptr);
  };
  return {dnnl::matmul(desc), unbound(desc.src_desc()),
          unbound(desc.weights_desc()),
          shape.bias ? unbound(desc.bias_desc()) : dnnl::memory(),
          unbound(desc.dst_desc())};
}

bool HasBlockedKernel(DType dtype) {
  ProductShape shape;
  shape.m = shape.n = shape.k = 64;
  shape.in = shape.out = dtype;
  try {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    const std::string name = Describe(shape, engine).impl_info_str();
    return name.starts_with("brg");
  } catch (const dnnl::error&) {  // how oneDNN says "not on this CPU"
    return false;
  }
}

}  // namespace perdure
