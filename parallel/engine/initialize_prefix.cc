#include "parallel/engine/initialize_prefix.h"

#include <numeric>
#include <string>
#include <utility>

#include "runtime/base/philox.h"

namespace perdure {
namespace {

constexpr int kTag = 5;

uint64_t Bytes(MatrixView view) {
  return static_cast<uint64_t>(view.size() * SizeOf(view.dtype));
}

}  // namespace

Batch PrefixTokens(uint64_t seed, const ModelConfig& model) {
  const std::string name = "prefix tokens";
  const PhiloxKey key =
      MakeKey(seed, NoiseStream::kInit, NameHash(name.data(), name.size()));
  Batch batch;
  batch.batch = 1;
  batch.tokens = model.prefix().tokens();
  batch.sequence = {0};
  const uint32_t vocabulary = static_cast<uint32_t>(model.vocab_size());
  for (int64_t t = 0; t < batch.tokens; ++t) {
    const PhiloxCounter bits =
        Philox4x32({static_cast<uint32_t>(t), 0, 0, 0}, key);
    batch.ids.push_back(static_cast<int32_t>(bits[0] % vocabulary));
  }
  batch.positions.resize(batch.ids.size());
  std::iota(batch.positions.begin(), batch.positions.end(), 0);
  return batch;
}

absl::Status InitializePrefix(uint64_t seed, ModelRuntime* runtime) {
  const ProcessGroups& groups = runtime->groups();
  StageModel& stage = runtime->stage();
  const Batch batch = PrefixTokens(seed, runtime->model());
  MicroBatch micro = MakeMicroBatch(batch);
  micro.without_prefix = true;
  const int64_t n = micro.rows(), width = runtime->model().hidden();
  Tensor in(*runtime->context().device, DType::kF32, n, width);
  Tensor out(*runtime->context().device, DType::kF32, n, width);
  if (groups.first_stage()) {
    RETURN_IF_ERROR(stage.ForwardEmbedding(micro, in.view()));
  } else {
    ASSIGN_OR_RETURN(auto request,
                     groups.pp->Receive(in.view().data, Bytes(in.view()),
                                        groups.me.pp - 1, kTag));
    RETURN_IF_ERROR(request->Wait());
  }
  for (int64_t layer = 0; layer < stage.layers(); ++layer) {
    RETURN_IF_ERROR(stage.ForwardLayer(layer, micro, in.view(), out.view()));
    stage.KeepAsPrefix(layer, runtime->params());
    std::swap(in, out);
  }
  if (groups.last_stage()) return absl::OkStatus();
  ASSIGN_OR_RETURN(auto request,
                   groups.pp->Send(in.view().data, Bytes(in.view()),
                                   groups.me.pp + 1, kTag));
  return request->Wait();
}

}  // namespace perdure
