#ifndef PERDURE_PARALLEL_ZEROTH_ORDER_PERTURBED_WEIGHTS_H_
#define PERDURE_PARALLEL_ZEROTH_ORDER_PERTURBED_WEIGHTS_H_

// A rank's weights theta and their perturbations theta +- eps z_k, made out of
// place (design I4). An update waits until the block is visited next: then it
// and the perturbations are one pass over memory.

#include <memory>
#include <vector>

#include "parallel/engine/model_runtime.h"
#include "parallel/zeroth_order/masters.h"
#include "parallel/zeroth_order/perturbed_rows.h"
#include "parallel/zeroth_order/weight_windows.h"
#include "runtime/config/zeroth_order.pb.h"
#include "runtime/optim/zeroth_order.h"

namespace perdure {

class PerturbedWeights {
 public:
  struct Options {
    ZerothOrderConfig config;
    bool decays = false;  // weight decay is on
    uint64_t seed = 0;
    WindowScope scope = WindowScope::kBlock;
    const ZerothOrderKernels* kernels = nullptr;
  };
  // `runtime` outlives it.
  PerturbedWeights(ModelRuntime* runtime, const Options& options);

  // The update that all weights take before anything reads them. There must be
  // none waiting.
  void Defer(ZerothOrderUpdate update);
  // All of them at once, in one pass over memory. There must be none waiting.
  void Replay(std::vector<ZerothOrderUpdate> updates);
  bool pending() const { return !pending_.empty(); }
  // Applies what waits to the blocks that have not taken it.
  void Flush();

  // Makes block `block` up to date and, with a request, its perturbations.
  // Block 0 has only rows: see Use.
  void Prepare(int block, const DirectionRequest* request);

  // From now on passes use theta + sign scale z as prepared for `request`; sign
  // 0: theta itself.
  void Use(int sign, const DirectionRequest* request);

  // nullptr where there are none.
  Masters* masters() { return masters_.get(); }

 private:
  // A piece of a tensor for one thread.
  struct Task {
    size_t slot;
    WeightSpan span;  // in theta
    int64_t begin;    // first element within the local shard
    bool updates;     // takes updates here
    bool perturbs;    // is copied here
  };

  std::vector<Task> TasksOf(int block);
  void AddTasks(const Task& like, std::vector<Task>* tasks);
  void Run(const Task& task, absl::Span<const ZerothOrderUpdate> updates,
           const DirectionRequest* request) const;

  ModelRuntime* runtime_;
  Options options_;
  WeightWindows windows_;
  std::unique_ptr<Masters> masters_;
  std::vector<TensorNoise> noise_;          // by slot
  std::vector<std::vector<Task>> blocks_;   // by block
  std::vector<ZerothOrderUpdate> pending_;  // but in Replay, none or one
  std::vector<bool> up_to_date_;            // by block, while any is pending
  std::unique_ptr<PerturbedRows> rows_;
};

}  // namespace perdure

#endif  // PERDURE_PARALLEL_ZEROTH_ORDER_PERTURBED_WEIGHTS_H_
