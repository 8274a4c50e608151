#ifndef PERDURE_CHECKPOINT_JOURNAL_WEIGHTS_DIGEST_H_
#define PERDURE_CHECKPOINT_JOURNAL_WEIGHTS_DIGEST_H_

#include <cstdint>

#include "runtime/state/train_state.h"

namespace perdure {

// Of a piece's elements (2 or 4 bytes each); docs/journal.md has the formula.
// The sum over all pieces, modulo 2^64, does not depend on how tensors are cut.
uint64_t WeightsDigest(const StatePiece& piece);

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_JOURNAL_WEIGHTS_DIGEST_H_
