#include "parallel/model/linear.h"

#include "runtime/kernels/elementwise.h"

namespace perdure {

Linear::Linear(const ModelContext* context, int block, ParamRole weight,
               std::optional<ParamRole> bias, int fused)
    : context_(context),
      block_(block),
      weight_(weight),
      fused_(fused),
      in_out_(context->model->family() == "gpt2" &&
              weight != ParamRole::kHeadWeight),
      bias_(bias) {}

Linear Linear::WithLora(Scratch* scratch) const {
  Linear adapted = *this;
  const ParamLayout& layout = context_->params->layout();
  const ParamSlot* slot = layout.Find(block_, weight_);
  int64_t column = 0;
  for (int i = 0; i <= fused_; ++i, ++slot) {
    const int64_t outputs = slot->shape[in_out_ ? 1 : 0];
    const LoraRoles roles = *LoraRolesOf(slot->spec.role);
    if (layout.Find(block_, roles.a) != nullptr) {
      adapted.adapters_.emplace_back(context_, block_, roles,
                                     Range{column, column + outputs}, scratch);
    }
    column += outputs;
  }
  return adapted;
}

// Looked up at every use, as the matrix is: which weights are used may change
// between two (zeroth-order probes).
const float* Linear::bias() const {
  return bias_ ? context_->params->Vector(block_, *bias_) : nullptr;
}

int64_t Linear::inputs() const {
  const MatrixView w = context_->params->Matrix(block_, weight_, fused_);
  return in_out_ ? w.rows : w.cols;
}

int64_t Linear::outputs() const {
  const MatrixView w = context_->params->Matrix(block_, weight_, fused_);
  return in_out_ ? w.cols : w.rows;
}

void Linear::Forward(ConstMatrixView x, MatrixView y, bool with_bias) const {
  MatmulOptions options;
  options.transpose_b = !in_out_;
  options.bias = with_bias ? bias() : nullptr;
  context_->matmul->Run(context_->stream, x,
                        context_->params->Matrix(block_, weight_, fused_), y,
                        options);
  for (const LoraAdapter& adapter : adapters_) adapter.ForwardAdd(x, y);
}

void Linear::ForwardAdd(ConstMatrixView x, MatrixView y) const {
  MatmulOptions options;
  options.transpose_b = !in_out_;
  options.accumulate = true;
  context_->matmul->Run(context_->stream, x,
                        context_->params->Matrix(block_, weight_, fused_), y,
                        options);
  for (const LoraAdapter& adapter : adapters_) adapter.ForwardAdd(x, y);
}

void Linear::BackwardInput(ConstMatrixView dy, MatrixView dx) const {
  MatmulOptions options;
  options.transpose_b = in_out_;
  context_->matmul->Run(context_->stream, dy,
                        context_->params->Matrix(block_, weight_, fused_), dx,
                        options);
  for (const LoraAdapter& adapter : adapters_) {
    adapter.BackwardInputAdd(dy, dx);
  }
}

absl::Status Linear::BackwardParams(ConstMatrixView x, ConstMatrixView dy,
                                    bool accumulate) const {
  const ParamStore& params = *context_->params;
  if (params.has_gradient(block_, weight_)) {
    MatmulOptions options;
    options.transpose_a = true;
    options.accumulate = accumulate;
    const MatrixView dw = params.MatrixGrad(block_, weight_, fused_);
    if (in_out_) {
      context_->matmul->Run(context_->stream, x, dy, dw, options);
    } else {
      context_->matmul->Run(context_->stream, dy, x, dw, options);
    }
  }
  float* dbias = bias_ ? params.VectorGrad(block_, *bias_) : nullptr;
  if (dbias != nullptr) kernels::BiasBackward(context_->stream, dy, dbias);
  for (const LoraAdapter& adapter : adapters_) {
    RETURN_IF_ERROR(adapter.BackwardParams(x, dy, accumulate));
  }
  return absl::OkStatus();
}

}  // namespace perdure
