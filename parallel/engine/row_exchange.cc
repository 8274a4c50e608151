#include "parallel/engine/row_exchange.h"

#include <cstring>
#include <memory>

#include "glog/logging.h"

namespace perdure {
namespace {

constexpr int kTag = 3;

Range Shifted(Range rows, Range part) {
  return {rows.begin + part.begin, rows.begin + part.end};
}

// Puts the columns of `rank` (packed, elements of `element` bytes) at their
// places in whole rows. The runs of row 0 of a shard are those of every row.
void PlaceColumns(const ParamSpec& spec, int tp, int rank, const char* columns,
                  int64_t element, WholeRows* whole) {
  const int64_t width = ShardShape(spec, tp, rank)[1];
  for (const ShardRun& run : ShardRuns(spec, tp, rank)) {
    if (run.local_offset >= width) break;
    for (int64_t row = 0; row < whole->rows.size(); ++row) {
      char* to = whole->data.data() +
                 (row * spec.shape[1] + run.global_offset) * element;
      std::memcpy(to, columns + (row * width + run.local_offset) * element,
                  static_cast<size_t>(run.length * element));
    }
  }
}

}  // namespace

absl::StatusOr<WholeRows> ExchangeRows(Communicator& tp, const ParamSlot& slot,
                                       Range rows, DType dtype,
                                       const void* columns) {
  CHECK_EQ(slot.spec.split_dim, 1);
  const int64_t element = SizeOf(dtype);
  const int64_t width = slot.shape[1];
  const char* mine = static_cast<const char*>(columns);
  const Range my_rows = EvenPart(rows.size(), tp.size(), tp.rank());

  std::vector<std::unique_ptr<CommRequest>> requests;
  std::vector<std::vector<char>> received(static_cast<size_t>(tp.size()));
  for (int peer = 0; peer < tp.size(); ++peer) {
    if (peer == tp.rank()) continue;
    const int64_t peer_width = ShardShape(slot.spec, tp.size(), peer)[1];
    std::vector<char>& buffer = received[static_cast<size_t>(peer)];
    buffer.resize(static_cast<size_t>(my_rows.size() * peer_width * element));
    ASSIGN_OR_RETURN(requests.emplace_back(),
                     tp.Receive(buffer.data(), buffer.size(), peer, kTag));
  }
  for (int peer = 0; peer < tp.size(); ++peer) {
    if (peer == tp.rank()) continue;
    const Range theirs = EvenPart(rows.size(), tp.size(), peer);
    ASSIGN_OR_RETURN(
        requests.emplace_back(),
        tp.Send(mine + theirs.begin * width * element,
                static_cast<uint64_t>(theirs.size() * width * element), peer,
                kTag));
  }
  for (const std::unique_ptr<CommRequest>& request : requests) {
    RETURN_IF_ERROR(request->Wait());
  }

  WholeRows whole;
  whole.rows = Shifted(rows, my_rows);
  whole.data.resize(
      static_cast<size_t>(my_rows.size() * slot.spec.shape[1] * element));
  for (int rank = 0; rank < tp.size(); ++rank) {
    const char* source = rank == tp.rank()
                             ? mine + my_rows.begin * width * element
                             : received[static_cast<size_t>(rank)].data();
    PlaceColumns(slot.spec, tp.size(), rank, source, element, &whole);
  }
  return whole;
}

}  // namespace perdure
