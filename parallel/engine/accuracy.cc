#include "parallel/engine/accuracy.h"

#include <algorithm>
#include <cmath>

#include "glog/logging.h"

namespace perdure {
namespace {

// Scores of the candidates of each example of a batch that has gold.
class Scores {
 public:
  Scores(const Batch& batch, const SequenceLosses& losses)
      : candidates_(static_cast<size_t>(batch.candidates)),
        scores_(CandidateScores(losses)) {
    CHECK_EQ(scores_.size(), batch.gold.size() * candidates_);
  }
  absl::Span<const double> Of(size_t example) const {
    return absl::MakeConstSpan(scores_).subspan(example * candidates_,
                                                candidates_);
  }

 private:
  size_t candidates_;
  std::vector<double> scores_;
};

// -log softmax(scores)[right].
double CrossEntropy(absl::Span<const double> scores, int32_t right) {
  const double highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const double score : scores) sum += std::exp(score - highest);
  return highest + std::log(sum) - scores[static_cast<size_t>(right)];
}

}  // namespace

std::vector<double> CandidateScores(const SequenceLosses& losses) {
  std::vector<double> scores(losses.loss.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    scores[i] = -losses.loss[i] / losses.weight[i];
  }
  return scores;
}

int BestCandidate(absl::Span<const double> scores) {
  int best = -1;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) continue;
    if (best < 0 || scores[i] > scores[static_cast<size_t>(best)]) {
      best = static_cast<int>(i);
    }
  }
  return best;
}

double Accuracy::mean() const {
  return total > 0 ? static_cast<double>(right) / static_cast<double>(total)
                   : 0;
}

Accuracy::Interval Accuracy::ConfidenceInterval() const {
  if (total == 0) return {};
  constexpr double kZ = 1.959963984540054;  // of 95 %, two-sided
  const double n = static_cast<double>(total), p = mean();
  const double shrink = 1 / (1 + kZ * kZ / n);
  const double center = shrink * (p + kZ * kZ / (2 * n));
  const double half =
      shrink * kZ * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  return {std::max(0.0, center - half), std::min(1.0, center + half)};
}

Accuracy CountRight(const Batch& batch, const SequenceLosses& losses) {
  const Scores scores(batch, losses);
  Accuracy accuracy;
  for (size_t e = 0; e < batch.gold.size(); ++e) {
    ++accuracy.total;
    if (BestCandidate(scores.Of(e)) == batch.gold[e]) ++accuracy.right;
  }
  return accuracy;
}

SequenceLosses CandidateLosses(const Batch& batch,
                               const SequenceLosses& losses) {
  const Scores scores(batch, losses);
  SequenceLosses result;
  for (size_t e = 0; e < batch.gold.size(); ++e) {
    result.loss.push_back(CrossEntropy(scores.Of(e), batch.gold[e]));
    result.weight.push_back(1);
  }
  return result;
}

SequenceLosses GoldLosses(const Batch& batch, const SequenceLosses& losses) {
  const auto candidates = static_cast<size_t>(batch.candidates);
  CHECK_EQ(losses.loss.size(), batch.gold.size() * candidates);
  SequenceLosses result;
  for (size_t e = 0; e < batch.gold.size(); ++e) {
    const size_t right = e * candidates + static_cast<size_t>(batch.gold[e]);
    result.loss.push_back(losses.loss[right]);
    result.weight.push_back(losses.weight[right]);
  }
  return result;
}

}  // namespace perdure
