#include "parallel/zeroth_order/loss_table.h"

#include <cstring>

#include "glog/logging.h"
#include "runtime/comm/all_gather_parts.h"

namespace perdure {
namespace {

// A share's numbers in the order in which they travel. Table: LossTable, const
// or not.
template <typename Table, typename Body>
void ForEachPlace(const LossShare& share, Table* table, Body&& body) {
  for (int64_t s = share.sequences.begin; s < share.sequences.end; ++s) {
    body(table->weight(s));
    for (int64_t p = share.probes.begin; p < share.probes.end; ++p) {
      body(table->loss(static_cast<int>(p), s));
    }
  }
}

}  // namespace

LossTable::LossTable(int probes, int64_t sequences)
    : probes_(probes),
      sequences_(sequences),
      losses_(static_cast<size_t>(probes * sequences), 0.0),
      weights_(static_cast<size_t>(sequences), 0.0) {}

double LossTable::WeightSum() const {
  double sum = 0;
  for (double weight : weights_) sum += weight;
  return sum;
}

double LossTable::LossSum(int probe) const {
  double sum = 0;
  for (int64_t s = 0; s < sequences_; ++s) sum += loss(probe, s);
  return sum;
}

double LossTable::Mean(int probe) const {
  const double weights = WeightSum();
  return weights > 0 ? LossSum(probe) / weights : 0;
}

void PackLosses(const LossShare& share, const LossTable& table,
                std::vector<double>* numbers) {
  numbers->clear();
  ForEachPlace(share, &table, [&](double x) { numbers->push_back(x); });
}

void UnpackLosses(const LossShare& share, const std::vector<double>& numbers,
                  LossTable* table) {
  auto next = numbers.begin();
  ForEachPlace(share, table, [&](double& x) { x = *next++; });
}

absl::Status ExchangeLosses(Communicator& replicas,
                            const std::vector<LossShare>& shares,
                            LossTable* table) {
  CHECK_EQ(static_cast<int>(shares.size()), replicas.size());
  std::vector<uint64_t> bytes;
  for (const LossShare& share : shares) {
    bytes.push_back(static_cast<uint64_t>(share.bytes()));
  }
  const size_t me = static_cast<size_t>(replicas.rank());
  std::vector<double> mine;
  PackLosses(shares[me], *table, &mine);
  std::vector<std::vector<char>> parts;
  RETURN_IF_ERROR(AllGatherParts(replicas, mine.data(), bytes, &parts));
  for (size_t r = 0; r < shares.size(); ++r) {
    if (r == me) continue;
    std::vector<double> theirs(parts[r].size() / sizeof(double));
    std::memcpy(theirs.data(), parts[r].data(), parts[r].size());
    UnpackLosses(shares[r], theirs, table);
  }
  return absl::OkStatus();
}

}  // namespace perdure
