#include "launcher/train/evaluate_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "launcher/train/console.h"
#include "launcher/train/model_setup.h"
#include "launcher/train/run_data.h"
#include "parallel/engine/evaluate.h"
#include "parallel/engine/model_runtime.h"

namespace perdure {
namespace {

void Print(const Dataset& data, const Evaluation& result) {
  std::printf(
      "data        %s\ntokens      %.0f\nloss        %.6f\n"
      "perplexity  %.4f\n",
      data.Describe().c_str(), result.loss.weight_sum, result.loss.mean(),
      std::exp(result.loss.mean()));
  if (result.accuracy.total > 0) {
    std::printf("accuracy    %s\n", DescribeAccuracy(result.accuracy).c_str());
  }
  std::fflush(stdout);
}

}  // namespace

absl::StatusOr<double> EvaluateRun(Communicator& world,
                                   const RunConfig& given) {
  if (!given.model().has_init_from()) {
    return absl::InvalidArgumentError(
        "model.init_from is missing; name the model to evaluate with "
        "--set model.init_from=DIR");
  }
  ASSIGN_OR_RETURN(const ModelSource source,
                   OpenInitialModel(world, given.model().init_from()));
  ASSIGN_OR_RETURN(RunConfig complete, TakeModel(given, source.model));
  // A model is evaluated as it is: adapters that a run would add to it are not
  // there yet.
  if (!source.model.has_lora()) complete.mutable_model()->clear_lora();
  if (!source.model.has_prefix()) complete.mutable_model()->clear_prefix();
  ASSIGN_OR_RETURN(const Topology topology,
                   Topology::Create(given.topology(), world.size()));
  ASSIGN_OR_RETURN(const RunConfig config,
                   FinishConfig(complete, topology, /*for_training=*/false));
  ASSIGN_OR_RETURN(const ProcessGroups groups,
                   MakeProcessGroups(world, topology));
  const TrainConfig& train = config.train();
  const int64_t micro = std::max(1, train.micro_batch());
  std::unique_ptr<Tokenizer> tokenizer;
  if (config.has_task()) {
    ASSIGN_OR_RETURN(tokenizer, LoadRunTokenizer(config, source.directory));
  }
  const Split split =
      HasSplit(config, Split::kTest) ? Split::kTest : Split::kVal;
  ASSIGN_OR_RETURN(const std::unique_ptr<Dataset> data,
                   OpenRunData(config, split, tokenizer.get()));

  const std::unique_ptr<Device> device =
      MakeCpuDevice(train.threads_per_rank());
  ModelRuntimeOptions options;
  options.dtype = ComputeDType(train);
  options.max_rows = data->max_rows(micro);
  ASSIGN_OR_RETURN(const std::unique_ptr<ModelRuntime> runtime,
                   ModelRuntime::Create(config.model(), options, &groups,
                                        device.get(), nullptr));
  RETURN_IF_ERROR(source.source->Read(runtime->WeightRequests()));
  PipelineExecutor executor(&runtime->stage(), &groups, nullptr);
  MicroBatchReader reader(micro);
  ASSIGN_OR_RETURN(const Evaluation result,
                   Evaluate(&executor, &reader, groups, *data,
                            config.eval().sequences(), 0));
  if (world.rank() == 0) Print(*data, result);
  return result.loss.mean();
}

}  // namespace perdure
