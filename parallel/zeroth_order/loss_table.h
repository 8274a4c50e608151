#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_LOSS_TABLE_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_LOSS_TABLE_H_

// The losses of a step: one a probe and sequence, each in a place fixed by its
// global number, wherever it was computed (design I5).

#include <cstdint>
#include <vector>

#include "parallel/group/process_groups.h"

namespace perdure {

class LossTable {
 public:
  // All places are 0.
  LossTable(int probes, int64_t sequences);

  int probes() const { return probes_; }
  int64_t sequences() const { return sequences_; }
  double& loss(int probe, int64_t sequence) {
    return losses_[static_cast<size_t>(probe * sequences_ + sequence)];
  }
  double loss(int probe, int64_t sequence) const {
    return losses_[static_cast<size_t>(probe * sequences_ + sequence)];
  }
  // Of the tokens that count; the same for every probe.
  double& weight(int64_t sequence) {
    return weights_[static_cast<size_t>(sequence)];
  }
  double weight(int64_t sequence) const {
    return weights_[static_cast<size_t>(sequence)];
  }

  // Sums in the order of sequences. Mean: 0 where nothing counts.
  double WeightSum() const;
  double LossSum(int probe) const;
  double Mean(int probe) const;

 private:
  int probes_;
  int64_t sequences_;
  std::vector<double> losses_;   // [probes, sequences]
  std::vector<double> weights_;  // [sequences]
};

// What one replica computes: probes x sequences, and its place in the list of
// parts. Pure: every rank knows every rank's.
struct LossShare {
  Range probes;
  Range sequences;
  // Of what the rank sends: its losses and its sequences' weights.
  int64_t bytes() const {
    return 8 * (probes.size() * sequences.size() + sequences.size());
  }
};

// The numbers of a share as they travel: share.bytes() / 8 of them.
void PackLosses(const LossShare& share, const LossTable& table,
                std::vector<double>* numbers);
void UnpackLosses(const LossShare& share, const std::vector<double>& numbers,
                  LossTable* table);

// Collective over `replicas`, whose rank r computed shares[r]: afterwards the
// table is whole on all of them.
absl::Status ExchangeLosses(Communicator& replicas,
                            const std::vector<LossShare>& shares,
                            LossTable* table);

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_LOSS_TABLE_H_
