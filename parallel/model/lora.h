#ifndef PERDURE_PARALLEL_MODEL_LORA_H_
#define PERDURE_PARALLEL_MODEL_LORA_H_

// A low-rank adapter of a linear layer (Hu et al. 2021): y += s (x A') B', s =
// alpha / r, A [r, in], B [out, r]. Over tensor-parallel ranks B is cut as the
// outputs of a column-parallel layer are, A as the inputs of a row-parallel
// one; y and dx are then what this rank adds to a sum that is the caller's.

#include "parallel/model/context.h"
#include "parallel/model/scratch.h"
#include "runtime/topology/topology.h"

namespace perdure {

class LoraAdapter {
 public:
  // Of the outputs `columns` of a layer. The model must have the roles in the
  // block; `scratch` outlives the adapter.
  LoraAdapter(const ModelContext* context, int block, LoraRoles roles,
              Range columns, Scratch* scratch)
      : context_(context),
        block_(block),
        roles_(roles),
        columns_(columns),
        scratch_(scratch) {}

  // y [N, out of the layer] += s (x A') B'
  void ForwardAdd(ConstMatrixView x, MatrixView y) const;
  // dx [N, in] += s (dy B) A
  void BackwardInputAdd(ConstMatrixView dy, MatrixView dx) const;
  // dB (+)= s dy' (x A'), dA (+)= s (dy B)' x, where they are trained.
  absl::Status BackwardParams(ConstMatrixView x, ConstMatrixView dy,
                              bool accumulate) const;

 private:
  bool row_parallel() const;
  // s x W (transpose: W'): [N, r] fp32.
  MatrixView ScaledProduct(ConstMatrixView x, ParamRole role,
                           bool transpose) const;
  // The same in the compute dtype.
  ConstMatrixView Narrow(MatrixView inner) const;
  // y += x W (transpose: W'), whatever y's dtype.
  void MultiplyAdd(ConstMatrixView x, ParamRole role, bool transpose,
                   MatrixView y) const;

  const ModelContext* context_;
  int block_;
  LoraRoles roles_;
  Range columns_;
  Scratch* scratch_;
};

// Sizes what adapters need in `scratch`; nothing where the model has none.
void SizeLoraScratch(const ModelContext& context, Scratch* scratch);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_LORA_H_
