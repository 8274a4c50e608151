#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_PERTURBED_ROWS_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_PERTURBED_ROWS_H_

// Rows of perturbed embedding tables, made as they are looked up: a batch uses
// few of them.

#include <vector>

#include "parallel/engine/model_runtime.h"
#include "parallel/zeroth_order/masters.h"
#include "runtime/optim/zeroth_order.h"

namespace perdure {

// theta +- scale z of a direction in a step: `perturbation` without memory.
struct DirectionRequest {
  Perturbation perturbation;
  std::vector<int> signs;
};

class PerturbedRows : public RowSource {
 public:
  // Nothing is owned. `noise`: by slot. masters may be nullptr.
  PerturbedRows(ModelRuntime* runtime, const ZerothOrderKernels* kernels,
                const std::vector<TensorNoise>* noise, Masters* masters)
      : runtime_(runtime),
        kernels_(kernels),
        noise_(noise),
        masters_(masters) {}

  // What AddRows gives from now on; sign +1 or -1.
  void Set(int sign, const Perturbation& perturbation) {
    sign_ = sign;
    perturbation_ = perturbation;
  }

  void AddRows(ParamRole table, const std::vector<int32_t>& rows, int64_t first,
               MatrixView y) const override;

 private:
  ModelRuntime* runtime_;
  const ZerothOrderKernels* kernels_;
  const std::vector<TensorNoise>* noise_;
  Masters* masters_;
  int sign_ = 0;
  Perturbation perturbation_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_PERTURBED_ROWS_H_
