#include "parallel/engine/row_exchange.h"

#include <cstring>
#include <memory>

#include "glog/logging.h"

namespace perdure {
namespace {

constexpr int kTag = 3;

// Puts the columns of `rank` (packed, elements of `element` bytes) at their
// places in `rows` whole rows. The runs of row 0 of a shard are those of every
// row.
void PlaceColumns(const ParamSpec& spec, int rank, int tp, const char* columns,
                  int64_t element, std::vector<char>* whole) {
  const int64_t width = ShardShape(spec, tp, rank)[1];
  const int64_t whole_width = spec.shape[1] * element;
  const int64_t rows = static_cast<int64_t>(whole->size()) / whole_width;
  for (const ShardRun& run : ShardRuns(spec, tp, rank)) {
    if (run.local_offset >= width) break;
    for (int64_t row = 0; row < rows; ++row) {
      char* to =
          whole->data() + row * whole_width + run.global_offset * element;
      std::memcpy(to, columns + (row * width + run.local_offset) * element,
                  static_cast<size_t>(run.length * element));
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<char>> ExchangeRows(Communicator& tp,
                                               const ParamSlot& slot,
                                               const std::vector<Range>& rows,
                                               DType dtype,
                                               const void* columns) {
  CHECK_EQ(slot.spec.split_dim, 1);
  const int64_t element = SizeOf(dtype);
  const int64_t width = slot.shape[1] * element;  // bytes
  const char* mine = static_cast<const char*>(columns);
  const Range my_rows = rows[static_cast<size_t>(tp.rank())];

  std::vector<std::unique_ptr<CommRequest>> requests;
  std::vector<std::vector<char>> received(rows.size());
  for (int peer = 0; peer < tp.size() && my_rows.size() > 0; ++peer) {
    if (peer == tp.rank()) continue;
    const int64_t peer_width = ShardShape(slot.spec, tp.size(), peer)[1];
    std::vector<char>& buffer = received[static_cast<size_t>(peer)];
    buffer.resize(static_cast<size_t>(my_rows.size() * peer_width * element));
    ASSIGN_OR_RETURN(requests.emplace_back(),
                     tp.Receive(buffer.data(), buffer.size(), peer, kTag));
  }
  for (int peer = 0; peer < tp.size(); ++peer) {
    const Range theirs = rows[static_cast<size_t>(peer)];
    if (peer == tp.rank() || theirs.size() == 0) continue;
    ASSIGN_OR_RETURN(
        requests.emplace_back(),
        tp.Send(mine + theirs.begin * width,
                static_cast<uint64_t>(theirs.size() * width), peer, kTag));
  }
  for (const std::unique_ptr<CommRequest>& request : requests) {
    RETURN_IF_ERROR(request->Wait());
  }

  std::vector<char> whole(
      static_cast<size_t>(my_rows.size() * slot.spec.shape[1] * element));
  for (int rank = 0; rank < tp.size() && !whole.empty(); ++rank) {
    const char* source = rank == tp.rank()
                             ? mine + my_rows.begin * width
                             : received[static_cast<size_t>(rank)].data();
    PlaceColumns(slot.spec, rank, tp.size(), source, element, &whole);
  }
  return whole;
}

}  // namespace perdure
