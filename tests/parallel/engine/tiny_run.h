#ifndef PERDURE_TESTS_PARALLEL_ENGINE_TINY_RUN_H_
#define PERDURE_TESTS_PARALLEL_ENGINE_TINY_RUN_H_

// A small model trained for a few steps on ranks that are threads: what the
// parity tests compare between topologies.

#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "parallel/engine/train_engine.h"
#include "runtime/config/run.pb.h"
#include "runtime/optim/zeroth_order.h"
#include "runtime/state/step_record.h"

namespace perdure {

// A topology, with the name that a test gives it.
struct Mesh {
  const char* name;
  int ranks;
  std::vector<std::string> overrides;  // "path=value"
};

inline void PrintTo(const Mesh& mesh, std::ostream* out) { *out << mesh.name; }

struct TinyRun {
  std::vector<StepRecord> steps;
  double val_loss = 0;
  // Bytes that each rank sent in the steps, as its communicators counted them.
  struct Traffic {
    int64_t replicas = 0;  // dp and pertp together
    int64_t dp = 0;
    int64_t pp = 0;
    int64_t blocks = 0;             // that it computed in the steps
    std::vector<StepRecord> steps;  // as this rank saw them
  };
  std::vector<Traffic> traffic;  // by rank
  // Whole tensors after the last step, put together from all ranks' pieces:
  // "weight/NAME", "exp_avg/NAME", ...; as fp32.
  std::map<std::string, std::vector<float>> state;
};

// A resolved config: `family` with an odd vocabulary, 4 layers, 4 heads (llama:
// on 2 key-value heads); a batch of 8 sequences in micro-batches of 3 (3 + 3 +
// 2), whose tokens do not all count. `overrides`: "path=value".
RunConfig TinyConfig(const std::string& family,
                     const std::vector<std::string>& overrides);

// Called on every rank, with its number, before each step (from 0).
using PrepareStep =
    std::function<void(TrainEngine* engine, int rank, int step)>;

// Dies on any error. The engine is the one that the config names; `kernels`:
// of a zeroth-order one, nullptr: the best. `prepare` may be nullptr.
TinyRun TrainTiny(const RunConfig& config, int ranks, int steps,
                  const ZerothOrderKernels* kernels = nullptr,
                  const PrepareStep& prepare = nullptr);

// Rank `slow` takes a pause after each block.
PrepareStep SlowRank(int slow);
// Nothing differs, not in a bit.
void ExpectEqualBits(const TinyRun& a, const TinyRun& b);

// The largest relative difference of the losses of two runs.
double LossDifference(const TinyRun& a, const TinyRun& b);
// The largest |a - b| over all tensors of the state, divided by that tensor's
// largest |a|. Both must have the same tensors.
double StateDifference(const TinyRun& a, const TinyRun& b);

}  // namespace perdure

#endif  // PERDURE_TESTS_PARALLEL_ENGINE_TINY_RUN_H_
