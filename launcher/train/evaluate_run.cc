#include "launcher/train/evaluate_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "launcher/train/model_setup.h"
#include "parallel/engine/evaluate.h"
#include "parallel/engine/model_runtime.h"

namespace perdure {

absl::StatusOr<double> EvaluateRun(Communicator& world,
                                   const RunConfig& given) {
  if (!given.model().has_init_from()) {
    return absl::InvalidArgumentError(
        "model.init_from is missing; name the model to evaluate with "
        "--set model.init_from=DIR");
  }
  ASSIGN_OR_RETURN(const ModelSource source,
                   OpenInitialModel(world, given.model().init_from()));
  ASSIGN_OR_RETURN(const RunConfig complete, TakeModel(given, source.model));
  ASSIGN_OR_RETURN(const Topology topology,
                   Topology::Create(given.topology(), world.size()));
  ASSIGN_OR_RETURN(const RunConfig config,
                   FinishConfig(complete, topology, /*for_training=*/false));
  ASSIGN_OR_RETURN(const ProcessGroups groups,
                   MakeProcessGroups(world, topology));
  const TrainConfig& train = config.train();
  const int64_t length = train.has_sequence_length() ? train.sequence_length()
                                                     : config.model().context();
  const int64_t micro = std::max(1, train.micro_batch());
  ASSIGN_OR_RETURN(const std::unique_ptr<Dataset> data,
                   Dataset::Open(config.data(), Split::kVal, length,
                                 config.model().vocab_size(), train.seed()));

  const std::unique_ptr<Device> device =
      MakeCpuDevice(train.threads_per_rank());
  ModelRuntimeOptions options;
  options.dtype =
      train.dtype() == TrainConfig::BF16 ? DType::kBF16 : DType::kF32;
  options.max_rows = micro * length;
  ASSIGN_OR_RETURN(const std::unique_ptr<ModelRuntime> runtime,
                   ModelRuntime::Create(config.model(), options, &groups,
                                        device.get(), nullptr));
  RETURN_IF_ERROR(source.source->Read(runtime->WeightRequests()));
  PipelineExecutor executor(&runtime->stage(), &groups, nullptr);
  MicroBatchReader reader(micro);
  ASSIGN_OR_RETURN(const BatchLoss loss,
                   EvaluateLoss(&executor, &reader, groups, *data,
                                config.eval().sequences(), 0));
  if (world.rank() == 0) {
    std::printf(
        "data        %s\ntokens      %.0f\nloss        %.6f\n"
        "perplexity  %.4f\n",
        data->Describe().c_str(), loss.weight_sum, loss.mean(),
        std::exp(loss.mean()));
    std::fflush(stdout);
  }
  return loss.mean();
}

}  // namespace perdure
