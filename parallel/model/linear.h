#ifndef PERDURE_PARALLEL_MODEL_LINEAR_H_
#define PERDURE_PARALLEL_MODEL_LINEAR_H_

// A matrix product with its gradients. Knows both storage orders: [out, in] as
// torch.nn.Linear, [in, out] as GPT-2's Conv1D. Splitting over tensor-parallel
// ranks is in the shape of the weight; the sums over ranks are the caller's.

#include <optional>
#include <vector>

#include "parallel/model/context.h"
#include "parallel/model/lora.h"

namespace perdure {

class Linear {
 public:
  Linear() = default;
  // `fused`: further slots laid out behind weight (and bias). A bias that the
  // model does not have is none.
  Linear(const ModelContext* context, int block, ParamRole weight,
         std::optional<ParamRole> bias, int fused = 0);

  // The same with the adapters that the model has for it.
  Linear WithLora(Scratch* scratch) const;

  int64_t inputs() const;
  int64_t outputs() const;

  // y [N, out] = x W (+ bias if with_bias). y may be wider than the dtype
  // (fp32).
  void Forward(ConstMatrixView x, MatrixView y, bool with_bias) const;
  // y += x W
  void ForwardAdd(ConstMatrixView x, MatrixView y) const;
  // dx [N, in] = dy W'; dx fp32 or the compute dtype.
  void BackwardInput(ConstMatrixView dy, MatrixView dx) const;
  // dW (+)= x' dy, dbias += sum of dy's rows: of what is trained.
  absl::Status BackwardParams(ConstMatrixView x, ConstMatrixView dy,
                              bool accumulate) const;
  // nullptr where the model has none.
  const float* bias() const;

 private:
  const ModelContext* context_ = nullptr;
  int block_ = 0;
  ParamRole weight_ = ParamRole::kTokenEmbedding;
  int fused_ = 0;
  bool in_out_ = false;
  std::optional<ParamRole> bias_;
  std::vector<LoraAdapter> adapters_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_LINEAR_H_
