#include "parallel/model/head_block.h"

#include <algorithm>
#include <cstring>

#include "runtime/kernels/elementwise.h"

namespace perdure {
namespace {

void AddUp(const Batch& batch, const std::vector<double>& row_loss,
           SequenceLosses* losses) {
  losses->loss.assign(static_cast<size_t>(batch.losses()), 0);
  losses->weight.assign(static_cast<size_t>(batch.losses()), 0);
  for (size_t i = 0; i < row_loss.size(); ++i) {
    const int64_t sequence = batch.segments.empty()
                                 ? static_cast<int64_t>(i) / batch.tokens
                                 : batch.segments[i];
    if (sequence < 0) continue;  // padding
    losses->loss[static_cast<size_t>(sequence)] += row_loss[i];
    losses->weight[static_cast<size_t>(sequence)] += batch.weights[i];
  }
}

}  // namespace

HeadBlock::HeadBlock(const ModelContext* context, Scratch* scratch)
    : context_(context),
      scratch_(scratch),
      block_(context->model->layers() + 1),
      norm_(context, block_, ParamRole::kFinalNormWeight,
            ParamRole::kFinalNormBias),
      head_(context, block_, ParamRole::kHeadWeight, std::nullopt),
      vocabulary_(EvenPart(context->model->vocab_size(), context->tp->size(),
                           context->tp->rank())),
      stats_(norm_.MakeStats()) {
  Device& device = *context->device;
  const int64_t tile = std::min(kTileRows, context->max_rows);
  normed_ = Tensor(device, context->dtype(), context->max_rows,
                   context->model->hidden());
  logits_ = Tensor(device, DType::kF32, tile, vocabulary_.size());
  if (context->dtype() != DType::kF32 && context->params->has_gradients()) {
    logits_grad_ = Tensor(device, context->dtype(), tile, vocabulary_.size());
  }
  rank_stats_.resize(static_cast<size_t>(tile));
  all_stats_.resize(static_cast<size_t>(tile * context->tp->size()));
}

absl::Status HeadBlock::Statistics(const MicroBatch& micro, int64_t begin,
                                   int64_t rows, ConstMatrixView logits) {
  kernels::LogitStatistics(context_->stream, logits,
                           micro.batch->targets.data() + begin,
                           vocabulary_.begin, rank_stats_.data());
  const uint64_t bytes =
      static_cast<uint64_t>(rows) * sizeof(kernels::LogitStats);
  RETURN_IF_ERROR(
      context_->tp->AllGather(rank_stats_.data(), bytes, all_stats_.data()));
  kernels::MergeLogitStats(all_stats_.data(), context_->tp->size(), rows,
                           all_stats_.data());
  return absl::OkStatus();
}

absl::Status HeadBlock::Tile(const MicroBatch& micro, int64_t begin,
                             int64_t rows, MatrixView normed_grad,
                             std::vector<double>* row_loss) {
  const ConstMatrixView normed = normed_.view().Rows(begin, rows);
  const MatrixView logits = logits_.view().Rows(0, rows);
  head_.Forward(normed, logits, /*with_bias=*/false);
  RETURN_IF_ERROR(Statistics(micro, begin, rows, logits));
  const float* weights = micro.batch->weights.data() + begin;
  kernels::CrossEntropyLoss(all_stats_.data(), weights, rows,
                            row_loss->data() + begin);
  if (!micro.training) return absl::OkStatus();
  const MatrixView dlogits =
      logits_grad_.empty() ? logits : logits_grad_.view().Rows(0, rows);
  kernels::CrossEntropyBackward(
      context_->stream, logits,
      {all_stats_.data(), micro.batch->targets.data() + begin, weights},
      vocabulary_.begin, dlogits);
  head_.BackwardInput(dlogits, normed_grad.Rows(begin, rows));
  return head_.BackwardParams(normed, dlogits, micro.accumulate || begin > 0);
}

absl::Status HeadBlock::ForwardBackward(const MicroBatch& micro,
                                        ConstMatrixView x, MatrixView d,
                                        SequenceLosses* losses) {
  const int64_t n = x.rows;
  norm_.Forward(x, normed_.view().Rows(0, n), &stats_);
  // With several ranks the partial gradients are summed in fp32.
  const bool split = context_->tp->size() > 1;
  const MatrixView normed_grad =
      micro.training
          ? (split ? scratch_->branch : scratch_->branch_grad).view().Rows(0, n)
          : MatrixView();
  std::vector<double> row_loss(static_cast<size_t>(n));
  for (int64_t begin = 0; begin < n; begin += logits_.rows()) {
    RETURN_IF_ERROR(Tile(micro, begin, std::min(logits_.rows(), n - begin),
                         normed_grad, &row_loss));
  }
  AddUp(*micro.batch, row_loss, losses);
  if (!micro.training) return absl::OkStatus();
  if (split) {
    TraceScope trace(context_->trace, Trace::Lane::kCommunication, "tp sum");
    RETURN_IF_ERROR(context_->tp->AllReduce(
        normed_grad.data, normed_grad.size(), DType::kF32, ReduceOp::kSum));
  }
  kernels::Fill(context_->stream, 0, d.as<float>(), d.size());
  norm_.Backward(normed_grad, x, stats_, d);
  return absl::OkStatus();
}

absl::Status HeadBlock::Logits(const MicroBatch& micro, ConstMatrixView x,
                               int64_t row, std::vector<float>* logits) {
  const int64_t n = x.rows, batch = micro.batch->batch;
  const int64_t vocab = context_->model->vocab_size();
  const int ranks = context_->tp->size();
  norm_.Forward(x, normed_.view().Rows(0, n), nullptr);
  logits->resize(static_cast<size_t>(batch * vocab));
  // Equal parts for the exchange: the first rank's is the largest.
  const int64_t part = EvenPart(vocab, ranks, 0).size();
  std::vector<float> mine(static_cast<size_t>(part));
  std::vector<float> all(static_cast<size_t>(part * ranks));
  for (int64_t b = 0; b < batch; ++b) {
    const MatrixView out(mine.data(), DType::kF32, 1, vocabulary_.size());
    head_.Forward(normed_.view().Rows(b * micro.batch->tokens + row, 1), out,
                  /*with_bias=*/false);
    RETURN_IF_ERROR(context_->tp->AllGather(
        mine.data(), mine.size() * sizeof(float), all.data()));
    for (int r = 0; r < ranks; ++r) {
      const Range range = EvenPart(vocab, ranks, r);
      std::copy_n(all.data() + r * part, range.size(),
                  logits->data() + b * vocab + range.begin);
    }
  }
  return absl::OkStatus();
}

}  // namespace perdure
