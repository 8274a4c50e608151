#include "parallel/model/attention_layer.h"

#include <cmath>
#include <cstring>

#include "runtime/kernels/elementwise.h"

namespace perdure {

AttentionLayer::AttentionLayer(const ModelContext* context, int block,
                               Scratch* scratch)
    : context_(context), block_(block), scratch_(scratch) {
  const ModelConfig& model = *context->model;
  const bool fused = model.family() == "gpt2";
  qkv_ =
      fused ? Linear(context, block, ParamRole::kQkvWeight, ParamRole::kQkvBias)
            : Linear(context, block, ParamRole::kQWeight, ParamRole::kQBias,
                     /*fused=*/2);
  qkv_ = qkv_.WithLora(scratch);
  rotary_ = model.family() == "llama";
  const Range groups =
      EvenPart(model.kv_heads(), context->tp->size(), context->tp->rank());
  const int64_t heads_per_group = model.heads() / model.kv_heads();
  kv_heads_ = groups.size();
  heads_ = kv_heads_ * heads_per_group;
  first_head_ = groups.begin * heads_per_group;
  head_dim_ = model.head_dim();
  CHECK_EQ(qkv_.outputs(), (heads_ + 2 * kv_heads_) * head_dim_);
}

AttentionActivations AttentionLayer::MakeActivations() const {
  Device& device = *context_->device;
  const int64_t n = context_->max_rows;
  AttentionActivations activations;
  activations.qkv = Tensor(device, context_->dtype(), n, qkv_.outputs());
  activations.out = Tensor(device, context_->dtype(), n, output_width());
  activations.lse = Tensor(device, DType::kF32, n, heads_);
  return activations;
}

KvCache AttentionLayer::MakeCache(int64_t batch, int64_t tokens) const {
  const int64_t width = kv_heads_ * head_dim_;
  KvCache cache;
  cache.prefix = has_prefix() ? context_->model->prefix().tokens() : 0;
  cache.capacity = cache.prefix + tokens;
  for (Tensor* part : {&cache.k, &cache.v}) {
    *part = Tensor(*context_->device, context_->dtype(), batch * cache.capacity,
                   width);
    if (!has_prefix()) continue;
    const MatrixView prefix = context_->params->Matrix(
        block_, part == &cache.k ? ParamRole::kPrefixK : ParamRole::kPrefixV);
    for (int64_t b = 0; b < batch; ++b) {
      kernels::Convert(context_->stream, prefix,
                       part->view().Rows(b * cache.capacity, cache.prefix));
    }
  }
  return cache;
}

void AttentionLayer::KeepAsPrefix(AttentionActivations* activations,
                                  const ParamStore& params) const {
  const Parts parts = Split(
      activations->qkv.view().Rows(0, context_->model->prefix().tokens()));
  kernels::Convert(context_->stream, parts.k,
                   params.Matrix(block_, ParamRole::kPrefixK));
  kernels::Convert(context_->stream, parts.v,
                   params.Matrix(block_, ParamRole::kPrefixV));
}

AttentionLayer::Parts AttentionLayer::Split(MatrixView qkv) const {
  const int64_t q = heads_ * head_dim_, kv = kv_heads_ * head_dim_;
  return {qkv.Columns(0, q), qkv.Columns(q, kv), qkv.Columns(q + kv, kv)};
}

kernels::AttentionShape AttentionLayer::Shape(const Batch& batch) const {
  return {batch.batch, batch.tokens, heads_, kv_heads_, head_dim_};
}

kernels::AttentionOptions AttentionLayer::Options(
    const MicroBatch& micro) const {
  kernels::AttentionOptions options;
  options.scale = 1.0f / std::sqrt(static_cast<float>(head_dim_));
  if (!micro.batch->first_visible.empty()) {
    options.first_visible = micro.batch->first_visible.data();
  }
  if (has_prefix() && !micro.without_prefix) {
    options.prefix = {context_->params->Matrix(block_, ParamRole::kPrefixK),
                      context_->params->Matrix(block_, ParamRole::kPrefixV)};
  }
  if (micro.training && context_->model->dropout() > 0) {
    options.dropout.probability =
        static_cast<float>(context_->model->dropout());
    options.dropout.key =
        DropoutKey(*context_, micro.step, block_, DropoutSite::kAttention);
    options.dropout.sequence = micro.batch->sequence.data();
    options.dropout.first_head = first_head_;
  }
  return options;
}

void AttentionLayer::Project(const MicroBatch& micro, ConstMatrixView x,
                             MatrixView qkv) const {
  qkv_.Forward(x, qkv, /*with_bias=*/true);
  if (!rotary_) return;
  const Parts parts = Split(qkv);
  const int32_t* positions = micro.batch->positions.data();
  const kernels::Rotation rotation{head_dim_, context_->model->rope_theta()};
  kernels::RotaryEmbedding(context_->stream, parts.q, heads_, positions,
                           rotation);
  kernels::RotaryEmbedding(context_->stream, parts.k, kv_heads_, positions,
                           rotation);
}

void AttentionLayer::Forward(const MicroBatch& micro, ConstMatrixView x,
                             AttentionActivations* activations) const {
  const MatrixView qkv = activations->qkv.view().Rows(0, x.rows);
  Project(micro, x, qkv);
  const Parts parts = Split(qkv);
  kernels::AttentionForward(context_->stream, Shape(*micro.batch),
                            {parts.q, parts.k, parts.v},
                            activations->out.view().Rows(0, x.rows),
                            activations->lse.data<float>(), Options(micro));
}

MatrixView AttentionLayer::PrefixGradient(const MicroBatch& micro,
                                          ParamRole role) const {
  if (!context_->params->has_gradient(block_, role)) return {};
  const MatrixView gradient = context_->params->MatrixGrad(block_, role);
  if (!micro.accumulate) {
    kernels::Fill(context_->stream, 0, gradient.as<float>(), gradient.size());
  }
  return gradient;
}

absl::StatusOr<ConstMatrixView> AttentionLayer::Backward(
    const MicroBatch& micro, ConstMatrixView x,
    const AttentionActivations& activations, ConstMatrixView dout) {
  const MatrixView dqkv = scratch_->qkv_grad.view().Rows(0, x.rows);
  const Parts d = Split(dqkv);
  // The kernel only reads q, k, v; a view of const data has no Split.
  const Parts parts = Split(const_cast<AttentionActivations&>(activations)
                                .qkv.view()
                                .Rows(0, x.rows));
  kernels::AttentionBackward(
      context_->stream, Shape(*micro.batch), {parts.q, parts.k, parts.v},
      {activations.out.view().Rows(0, x.rows), activations.lse.data<float>(),
       dout},
      {d.q, d.k, d.v, PrefixGradient(micro, ParamRole::kPrefixK),
       PrefixGradient(micro, ParamRole::kPrefixV)},
      Options(micro));
  if (rotary_) {
    const int32_t* positions = micro.batch->positions.data();
    const kernels::Rotation rotation{head_dim_, context_->model->rope_theta(),
                                     /*inverse=*/true};
    kernels::RotaryEmbedding(context_->stream, d.q, heads_, positions,
                             rotation);
    kernels::RotaryEmbedding(context_->stream, d.k, kv_heads_, positions,
                             rotation);
  }
  RETURN_IF_ERROR(qkv_.BackwardParams(x, dqkv, micro.accumulate));
  return ColumnBackwardInput(*context_, qkv_, dqkv, scratch_);
}

void AttentionLayer::ForwardCached(const MicroBatch& micro, ConstMatrixView x,
                                   const std::vector<int32_t>& lengths,
                                   KvCache* cache,
                                   AttentionActivations* activations) const {
  const MatrixView qkv = activations->qkv.view().Rows(0, x.rows);
  const MatrixView out = activations->out.view().Rows(0, x.rows);
  Project(micro, x, qkv);
  const Parts parts = Split(qkv);
  const Batch& batch = *micro.batch;
  for (int64_t b = 0; b < batch.batch; ++b) {
    const int64_t at =
        b * cache->capacity + cache->prefix + lengths[static_cast<size_t>(b)];
    for (int64_t t = 0; t < batch.tokens; ++t) {
      const int64_t row = b * batch.tokens + t;
      const size_t bytes =
          static_cast<size_t>(parts.k.cols * SizeOf(parts.k.dtype));
      std::memcpy(cache->k.view().Rows(at + t, 1).data,
                  parts.k.Rows(row, 1).data, bytes);
      std::memcpy(cache->v.view().Rows(at + t, 1).data,
                  parts.v.Rows(row, 1).data, bytes);
    }
  }
  const kernels::AttentionOptions options = Options(micro);
  if (lengths[0] == 0) {
    kernels::AttentionForward(context_->stream, Shape(batch),
                              {parts.q, parts.k, parts.v}, out,
                              /*lse=*/nullptr, options);
    return;
  }
  CHECK_EQ(batch.tokens, 1);
  std::vector<int32_t> valid = lengths;
  for (int32_t& n : valid) n += static_cast<int32_t>(cache->prefix) + 1;
  kernels::AttentionDecode(
      context_->stream, Shape(batch), parts.q,
      {cache->k.view(), cache->v.view(), cache->capacity, valid.data()},
      options.scale, out);
}

}  // namespace perdure
