#include "parallel/zeroth_order/perturbed_rows.h"

#include "runtime/device/device.h"
#include "runtime/kernels/embedding.h"

namespace perdure {
namespace {

// y += row, in fp32.
void AddRow(const char* row, DType dtype, float* y, int64_t n) {
  if (dtype == DType::kF32) {
    const float* x = reinterpret_cast<const float*>(row);
    for (int64_t i = 0; i < n; ++i) y[i] += x[i];
  } else {
    const bf16* x = reinterpret_cast<const bf16*>(row);
    for (int64_t i = 0; i < n; ++i) y[i] += static_cast<float>(x[i]);
  }
}

}  // namespace

void PerturbedRows::AddRows(ParamRole table, const std::vector<int32_t>& rows,
                            int64_t first, MatrixView y) const {
  const ParamLayout& layout = runtime_->layout();
  const ParamSlot& slot = *layout.Find(0, table);
  const StreamView stream = runtime_->context().stream;
  if (!slot.spec.trainable) {
    const MatrixView whole = runtime_->params().Matrix(0, table);
    kernels::EmbeddingForward(stream, rows.data(), y.rows, whole, first, y);
    return;
  }
  // A table is cut by rows: this rank's are one run of the whole.
  const int64_t width = y.cols, held = slot.shape[0];
  const int64_t begin =
      ShardRuns(slot.spec, layout.tp(), layout.tp_rank()).front().global_offset;
  const TensorNoise& noise =
      (*noise_)[static_cast<size_t>(&slot - layout.slots().data())];
  const DType dtype = runtime_->params().SlotDType(slot);
  ParallelFor(stream, y.rows, 4, [&](int64_t i, int64_t end) {
    std::vector<char> row(static_cast<size_t>(width * SizeOf(dtype)));
    Perturbation perturbation = perturbation_;
    (sign_ > 0 ? perturbation.plus : perturbation.minus) = row.data();
    for (; i < end; ++i) {
      const int64_t local = rows[static_cast<size_t>(i)] - first;
      if (local < 0 || local >= held) continue;
      WeightSpan span;
      span.first = begin + local * width;
      span.size = width;
      span.dtype = dtype;
      span.weights = runtime_->params().SlotData(slot, local * width);
      if (masters_ != nullptr) {
        span.master = masters_->At(slot, local * width);
      }
      kernels_->apply(noise, {}, span, &perturbation);
      AddRow(row.data(), dtype, y.as<float>() + i * y.stride, width);
    }
  });
}

}  // namespace perdure
