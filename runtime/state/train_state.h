#ifndef PERDURE_RUNTIME_STATE_TRAIN_STATE_H_
#define PERDURE_RUNTIME_STATE_TRAIN_STATE_H_

// What a run is between two steps, in a form that knows no topology. The
// parallel layer offers and takes it; the checkpoint layer stores it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/nn/param_spec.h"
#include "runtime/state/step_record.h"
#include "runtime/tensor/dtype.h"

namespace perdure {

// The scalars of a run; equal on all ranks.
struct RunState {
  std::string run_id;             // fixed at the first start
  int64_t generation = 0;         // which launch of the ranks this is, from 1
  int64_t parent_generation = 0;  // 0: none
  int64_t fork_step = 0;  // the parent's step that this one started from
  int64_t step = 0;       // finished steps
  int64_t samples = 0;    // data cursor: samples consumed
  int64_t tokens = 0;     // predictions counted so far
  int64_t updates = 0;    // optimizer updates: steps less the skipped ones
  double loss_mean = 0;   // running mean for the spike test
  int64_t bad_steps = 0;  // in a row
  // Zeroth-order: running means over steps of g squared and of its squared
  // standard error.
  float grad_squared = 0;
  float error_squared = 0;
  // Of an evaluation after the last finished step, if there was one.
  std::optional<double> validation_loss;
  std::optional<double> validation_accuracy;
  std::string config_text;  // the resolved config
  std::string topology;     // it was saved from, for information
};

// The state after `record`, whose step is run->step + 1: all of it but the
// weights. Training and replay both come here, so they agree.
void Advance(const StepRecord& record, RunState* run);
// See StepRecord.signal_to_noise; 0 where nothing is known yet.
double SignalToNoise(const RunState& run);

// kWeight: what the forward pass uses (fp32 or bf16). kMaster: fp32 behind
// bf16.
enum class StateKind { kWeight, kMaster, kMoment1, kMoment2 };
const char* StateKindName(
    StateKind kind);  // "weight", "master", "exp_avg", "exp_avg_sq"

// Elements [begin, end) (flat, row-major) of a whole tensor, contiguous at
// data. The pieces of all ranks cover every element of every stored tensor
// once.
struct StatePiece {
  std::string tensor;  // Hugging Face name
  StateKind kind = StateKind::kWeight;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // of the whole tensor
  int64_t begin = 0;
  int64_t end = 0;
  const void* data = nullptr;  // not owned
};

// A wish: the given runs of a tensor, converted to dtype, at base (runs' local
// offsets count from it). Not owned.
struct StateRequest {
  std::string tensor;
  StateKind kind = StateKind::kWeight;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // expected; another one is an error
  std::vector<ShardRun> runs;
  void* base = nullptr;
};

// Where state can be read from: a snapshot or a Hugging Face directory.
class StateSource {
 public:
  virtual ~StateSource() = default;
  virtual std::string description() const = 0;  // path and kind, for messages
  // Names of the tensors of a kind, sorted.
  virtual std::vector<std::string> Names(StateKind kind) const = 0;
  // Reads only what the requests need. Missing tensors and wrong shapes: one
  // error that lists them all (NotFound / FailedPrecondition). DataLoss where a
  // checksum does not match, naming file, tensor and offset.
  virtual absl::Status Read(const std::vector<StateRequest>& requests) = 0;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_STATE_TRAIN_STATE_H_
