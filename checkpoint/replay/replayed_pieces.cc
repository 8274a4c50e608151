#include "checkpoint/replay/replayed_pieces.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/checksum.h"
#include "runtime/state/digest.h"

namespace perdure {
namespace {

// As for training: some 10 us of noise.
constexpr int64_t kTaskSize = 16384;

std::vector<int64_t> ShapeOf(const JournalParameter& parameter) {
  return {parameter.shape().begin(), parameter.shape().end()};
}

}  // namespace

ReplayedPieces::ReplayedPieces(StateSource* base,
                               const JournalConstants& constants,
                               std::vector<ZerothOrderUpdate> updates,
                               int threads)
    : base_(base),
      constants_(constants),
      updates_(std::move(updates)),
      device_(MakeCpuDevice(threads)),
      stored_masters_(base->Names(StateKind::kMaster)),
      block_(kBlockBytes),
      master_(kBlockBytes / SizeOf(DType::kBF16)) {
  for (const JournalParameter& parameter : constants_.parameters()) {
    parameters_[parameter.name()] = &parameter;
  }
}

// Vectors are fp32 in every run.
DType ReplayedPieces::WeightDType(const JournalParameter& parameter) const {
  return parameter.shape_size() == 2 ? *DTypeFromName(constants_.dtype())
                                     : DType::kF32;
}

bool ReplayedPieces::HasMaster(const JournalParameter& parameter) const {
  if (!stored_masters_.empty()) {
    return std::binary_search(stored_masters_.begin(), stored_masters_.end(),
                              parameter.name());
  }
  return constants_.zeroth_order().rounding() == ZerothOrderConfig::MASTERS &&
         WeightDType(parameter) == DType::kBF16 && parameter.trainable();
}

std::vector<StatePiece> ReplayedPieces::Pieces() const {
  std::vector<StatePiece> pieces;
  for (const JournalParameter& parameter : constants_.parameters()) {
    StatePiece piece;
    piece.tensor = parameter.name();
    piece.shape = ShapeOf(parameter);
    piece.dtype = WeightDType(parameter);
    piece.end = 1;
    for (int64_t size : piece.shape) piece.end *= size;
    pieces.push_back(piece);
    if (!HasMaster(parameter)) continue;
    piece.kind = StateKind::kMaster;
    piece.dtype = DType::kF32;
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

absl::Status ReplayedPieces::Read(const JournalParameter& parameter,
                                  StateKind kind, DType dtype, int64_t first,
                                  int64_t n, void* to) {
  StateRequest request;
  request.tensor = parameter.name();
  request.kind = kind;
  request.dtype = dtype;
  request.shape = ShapeOf(parameter);
  request.runs = {{first, 0, n}};
  request.base = to;
  return base_->Read({std::move(request)});
}

void ReplayedPieces::Apply(const JournalParameter& parameter, DType dtype,
                           int64_t first, int64_t n, void* data) {
  if (!parameter.trainable()) return;
  TensorNoise noise;
  noise.direction = DirectionKey(constants_.seed(), parameter.name());
  noise.rounding = RoundingKey(constants_.seed(), parameter.name());
  noise.decays = parameter.decays();
  noise.rounding_mode =
      constants_.zeroth_order().rounding() == ZerothOrderConfig::NEAREST
          ? Rounding::kNearest
          : Rounding::kStochastic;
  const ZerothOrderKernels& kernels = BestZerothOrderKernels();
  const int64_t tasks = (n + kTaskSize - 1) / kTaskSize;
  ParallelFor(device_->stream(), tasks, 1, [&](int64_t task, int64_t end) {
    for (; task < end; ++task) {
      const int64_t begin = task * kTaskSize;
      const WeightSpan span = {
          first + begin, std::min(kTaskSize, n - begin), dtype,
          static_cast<char*>(data) + begin * SizeOf(dtype), nullptr};
      kernels.apply(noise, updates_, span, nullptr);
    }
  });
}

absl::StatusOr<uint64_t> ReplayedPieces::BaseDigest() {
  uint64_t digest = 0;
  for (StatePiece& piece : Pieces()) {
    if (piece.kind != StateKind::kWeight) continue;
    const int64_t size = piece.end;
    const int64_t step =
        static_cast<int64_t>(block_.size()) / SizeOf(piece.dtype);
    piece.data = block_.data();
    for (piece.begin = 0; piece.begin < size; piece.begin = piece.end) {
      piece.end = std::min(size, piece.begin + step);
      RETURN_IF_ERROR(Read(*parameters_.at(piece.tensor), piece.kind,
                           piece.dtype, piece.begin, piece.end - piece.begin,
                           block_.data()));
      digest += StateDigest(piece);
    }
  }
  return digest;
}

absl::StatusOr<const void*> ReplayedPieces::Bytes(const StatePiece& piece,
                                                  uint64_t offset,
                                                  size_t size) {
  const JournalParameter& parameter = *parameters_.at(piece.tensor);
  const int64_t element = SizeOf(piece.dtype);
  const int64_t first = static_cast<int64_t>(offset) / element;
  const int64_t n = static_cast<int64_t>(size) / element;
  if (!HasMaster(parameter)) {
    RETURN_IF_ERROR(Read(parameter, StateKind::kWeight, piece.dtype, first, n,
                         block_.data()));
    Apply(parameter, piece.dtype, first, n, block_.data());
    return block_.data();
  }
  // Masters take the updates; weights are their roundings.
  if (stored_masters_.empty()) {
    RETURN_IF_ERROR(Read(parameter, StateKind::kWeight, DType::kBF16, first, n,
                         block_.data()));
    ConvertElements(DType::kBF16, block_.data(), DType::kF32, master_.data(),
                    n);
  } else {
    RETURN_IF_ERROR(Read(parameter, StateKind::kMaster, DType::kF32, first, n,
                         master_.data()));
  }
  Apply(parameter, DType::kF32, first, n, master_.data());
  if (piece.kind == StateKind::kMaster) return master_.data();
  ConvertElements(DType::kF32, master_.data(), piece.dtype, block_.data(), n);
  return block_.data();
}

}  // namespace perdure
