#include "parallel/engine/generator.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "runtime/base/philox.h"

namespace perdure {
namespace {

constexpr int kTag = 4;

Batch NewTokens(const std::vector<int32_t>& ids, int64_t past) {
  Batch batch;
  batch.batch = 1;
  batch.tokens = static_cast<int64_t>(ids.size()) - past;
  batch.sequence = {0};
  batch.ids.assign(ids.begin() + past, ids.end());
  batch.positions.resize(static_cast<size_t>(batch.tokens));
  std::iota(batch.positions.begin(), batch.positions.end(),
            static_cast<int32_t>(past));
  return batch;
}

}  // namespace

int32_t ChooseToken(const std::vector<float>& logits, double temperature,
                    int top_k, double uniform) {
  if (temperature <= 0) {
    return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) -
                                logits.begin());
  }
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto larger = [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)];
    const float y = logits[static_cast<size_t>(b)];
    return x > y || (x == y && a < b);
  };
  std::sort(order.begin(), order.end(), larger);
  if (top_k > 0 && static_cast<size_t>(top_k) < order.size()) {
    order.resize(static_cast<size_t>(top_k));
  }
  const double top = logits[static_cast<size_t>(order[0])];
  std::vector<double> cumulative;
  double sum = 0;
  for (int32_t id : order) {
    sum += std::exp((logits[static_cast<size_t>(id)] - top) / temperature);
    cumulative.push_back(sum);
  }
  const auto at =
      std::upper_bound(cumulative.begin(), cumulative.end(), uniform * sum);
  const auto index = std::min<int64_t>(at - cumulative.begin(),
                                       static_cast<int64_t>(order.size()) - 1);
  return order[static_cast<size_t>(index)];
}

absl::Status Generator::Check(const std::vector<int32_t>& prompt,
                              const GenerateOptions& options) const {
  const ModelConfig& model = runtime_->model();
  if (prompt.empty()) {
    return absl::InvalidArgumentError(
        "the prompt is empty and the model's tokenizer has no token that "
        "starts a text; give --prompt or --prompt_ids");
  }
  for (int32_t id : prompt) {
    if (id < 0 || id >= model.vocab_size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("prompt id ", id, " is outside the vocabulary of ",
                       model.vocab_size()));
    }
  }
  // The last new token is never fed back.
  const int64_t positions =
      static_cast<int64_t>(prompt.size()) + options.max_new_tokens - 1;
  if (positions > model.context()) {
    return absl::InvalidArgumentError(absl::StrCat(
        prompt.size(), " prompt and ", options.max_new_tokens,
        " new tokens need ", positions, " positions, the model has ",
        model.context(), "; lower --max_new_tokens"));
  }
  return absl::OkStatus();
}

absl::StatusOr<int32_t> Generator::Advance(const std::vector<int32_t>& ids,
                                           int64_t past,
                                           const GenerateOptions& options) {
  const ProcessGroups& groups = runtime_->groups();
  const Batch batch = NewTokens(ids, past);
  const MicroBatch micro = MakeMicroBatch(batch);
  const int64_t n = micro.rows();
  const auto bytes = [](MatrixView view) {
    return static_cast<uint64_t>(view.size() * SizeOf(view.dtype));
  };
  if (!groups.first_stage()) {
    const MatrixView in = activations_.input(n);
    ASSIGN_OR_RETURN(auto request, groups.pp->Receive(in.data, bytes(in),
                                                      groups.me.pp - 1, kTag));
    RETURN_IF_ERROR(request->Wait());
  }
  RETURN_IF_ERROR(runtime_->stage().ForwardCached(
      micro, {static_cast<int32_t>(past)}, &caches_, &activations_));
  int32_t next = 0;
  if (groups.last_stage()) {
    std::vector<float> logits;
    RETURN_IF_ERROR(
        runtime_->stage().Logits(micro, &activations_, n - 1, &logits));
    const uint64_t index = ids.size();
    const PhiloxCounter noise =
        Philox4x32({static_cast<uint32_t>(index),
                    static_cast<uint32_t>(index >> 32), 0, 0},
                   MakeKey(options.seed, NoiseStream::kSample, 0));
    next = ChooseToken(logits, options.temperature, options.top_k,
                       UniformFromBits(noise[0]));
  } else {
    const MatrixView out = activations_.output(n);
    ASSIGN_OR_RETURN(auto request, groups.pp->Send(out.data, bytes(out),
                                                   groups.me.pp + 1, kTag));
    RETURN_IF_ERROR(request->Wait());
  }
  RETURN_IF_ERROR(
      groups.pp->Broadcast(&next, sizeof(next), groups.pp->size() - 1));
  return next;
}

absl::StatusOr<std::vector<int32_t>> Generator::Generate(
    const std::vector<int32_t>& prompt, const GenerateOptions& options) {
  RETURN_IF_ERROR(Check(prompt, options));
  std::vector<int32_t> ids = prompt;
  const int64_t capacity =
      static_cast<int64_t>(prompt.size()) + options.max_new_tokens;
  caches_ = runtime_->stage().MakeCaches(1, capacity);
  activations_ = runtime_->stage().MakeActivations(/*for_training=*/false);
  int64_t past = 0;
  for (int64_t i = 0; i < options.max_new_tokens; ++i) {
    ASSIGN_OR_RETURN(const int32_t next, Advance(ids, past, options));
    past = static_cast<int64_t>(ids.size());
    ids.push_back(next);
    if (options.on_token) options.on_token(next);
    if (next == options.stop_token) break;
  }
  return ids;
}

}  // namespace perdure
