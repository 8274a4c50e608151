#ifndef PERDURE_PARALLEL_ENGINE_ACCURACY_H_
#define PERDURE_PARALLEL_ENGINE_ACCURACY_H_

// Classification by scores of candidates, as MeZO does it (Malladi et al.
// 2023): a candidate's score is the mean log-probability of its tokens, and the
// highest wins. All functions are pure.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "parallel/model/head_block.h"
#include "runtime/data/dataset.h"

namespace perdure {

// The scores of all segments: minus the mean loss; NaN where nothing counts.
std::vector<double> CandidateScores(const SequenceLosses& losses);

// The number of the highest score, the first of equal ones; -1 if all are NaN.
int BestCandidate(absl::Span<const double> scores);

// Examples so far, and those of them whose best candidate is the right one.
struct Accuracy {
  int64_t right = 0;
  int64_t total = 0;

  double mean() const;  // 0 of no examples
  // 95 % confidence interval of the probability to be right (Wilson 1927):
  // holds for few examples and near 0 and 1 too.
  struct Interval {
    double low = 0;
    double high = 1;
  };
  Interval ConfidenceInterval() const;
};

// Of the examples of a batch, which has `gold`; `losses` are its segments'.
Accuracy CountRight(const Batch& batch, const SequenceLosses& losses);

// TaskConfig::CANDIDATES: the cross-entropy of each example's right candidate
// under a softmax over its candidates' scores. Weight 1 an example.
SequenceLosses CandidateLosses(const Batch& batch,
                               const SequenceLosses& losses);

// TaskConfig::LABEL_TOKENS where a batch has all candidates: the losses of the
// right ones.
SequenceLosses GoldLosses(const Batch& batch, const SequenceLosses& losses);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ENGINE_ACCURACY_H_
