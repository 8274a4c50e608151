#ifndef PERDURE_PARALLEL_MODEL_EMBEDDING_BLOCK_H_
#define PERDURE_PARALLEL_MODEL_EMBEDDING_BLOCK_H_

// Token embedding, split over the vocabulary, plus learned positions (gpt2,
// opt).

#include "parallel/model/context.h"
#include "parallel/model/residual.h"

namespace perdure {

class EmbeddingBlock {
 public:
  explicit EmbeddingBlock(const ModelContext* context);

  // y [N, D] fp32.
  absl::Status Forward(const MicroBatch& micro, MatrixView y) const;
  // dy is used up. The token table's gradient is added to when
  // `table_has_gradient` (the tied head was there first) or micro.accumulate.
  void Backward(const MicroBatch& micro, MatrixView dy,
                bool table_has_gradient) const;

 private:
  void AddRows(ParamRole table, const std::vector<int32_t>& rows, int64_t first,
               MatrixView y) const;

  const ModelContext* context_;
  bool learned_positions_;
  int32_t position_offset_;  // rows of the table before position 0 (opt: 2)
  int64_t first_id_;         // of this rank's part of the vocabulary
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_MODEL_EMBEDDING_BLOCK_H_
