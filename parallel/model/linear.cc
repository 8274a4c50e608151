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
}

void Linear::ForwardAdd(ConstMatrixView x, MatrixView y) const {
  MatmulOptions options;
  options.transpose_b = !in_out_;
  options.accumulate = true;
  context_->matmul->Run(context_->stream, x,
                        context_->params->Matrix(block_, weight_, fused_), y,
                        options);
}

void Linear::BackwardInput(ConstMatrixView dy, MatrixView dx) const {
  MatmulOptions options;
  options.transpose_b = in_out_;
  context_->matmul->Run(context_->stream, dy,
                        context_->params->Matrix(block_, weight_, fused_), dx,
                        options);
}

void Linear::BackwardParams(ConstMatrixView x, ConstMatrixView dy,
                            bool accumulate) const {
  MatmulOptions options;
  options.transpose_a = true;
  options.accumulate = accumulate;
  const MatrixView dw = context_->params->MatrixGrad(block_, weight_, fused_);
  if (in_out_) {
    context_->matmul->Run(context_->stream, x, dy, dw, options);
  } else {
    context_->matmul->Run(context_->stream, dy, x, dw, options);
  }
  float* dbias = bias_ ? context_->params->VectorGrad(block_, *bias_) : nullptr;
  if (dbias != nullptr) kernels::BiasBackward(context_->stream, dy, dbias);
}

}  // namespace perdure
