#ifndef PERDURE_TESTS_CHECKPOINT_SNAPSHOT_TINY_STATE_H_
#define PERDURE_TESTS_CHECKPOINT_SNAPSHOT_TINY_STATE_H_

// The state of a small model, the same in every test, cut for any number of
// ranks.

#include <string>
#include <vector>

#include "checkpoint/format/safetensors.h"
#include "checkpoint/snapshot/snapshot.h"
#include "runtime/base/status.h"
#include "runtime/nn/param_spec.h"
#include "runtime/state/train_state.h"

namespace perdure {

enum class Cut {
  kFlat,     // uneven flat ranges, as ZeRO cuts
  kColumns,  // the columns of matrices, a piece a row; vectors to rank 0
};

// A Llama of two layers; `vocab` rows of 16.
ModelConfig TinyModel(int vocab = 37, bool tied = true);
RunState TinyRun(int64_t step, int64_t generation = 1);

class TinyState {
 public:
  struct Entry {
    StateKind kind;
    TensorShape tensor;
    std::string bytes;
  };

  // Weights of a dtype; with_optimizer adds fp32 masters and moments. Contents
  // depend on kind, name, element and seed.
  TinyState(const ModelConfig& model, DType dtype, bool with_optimizer,
            int seed = 0);

  const std::vector<Entry>& entries() const { return entries_; }
  const Entry& Find(StateKind kind, const std::string& name) const;
  // Of one rank; those of all cover everything once.
  std::vector<StatePiece> Pieces(Cut cut, int ranks, int rank) const;
  // Reads everything back and compares bytes.
  void ExpectIn(StateSource& source) const;

 private:
  void Add(StateKind kind, const ParamSpec& spec, DType dtype, int seed);

  std::vector<Entry> entries_;
};

// Writes with so many thread ranks; the status that all ranks agree on.
absl::Status WriteTiny(const TinyState& state,
                       const SnapshotWriteOptions& options, const RunState& run,
                       int ranks = 1, Cut cut = Cut::kFlat);
SnapshotWriteOptions TinyOptions(const std::string& run_dir,
                                 const ModelConfig& model = TinyModel());

// Equal on all ranks; the first one.
absl::Status CommonStatus(const std::vector<absl::Status>& of_ranks);

// The path of a step's snapshot.
std::string StepPath(const std::string& run_dir, int64_t step);
// Names in <run_dir>/snapshots.
std::vector<std::string> SnapshotNames(const std::string& run_dir);

}  // namespace perdure

#endif  // PERDURE_TESTS_CHECKPOINT_SNAPSHOT_TINY_STATE_H_
