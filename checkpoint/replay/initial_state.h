#ifndef PERDURE_CHECKPOINT_REPLAY_INITIAL_STATE_H_
#define PERDURE_CHECKPOINT_REPLAY_INITIAL_STATE_H_

// The weights that a run began with, without an engine.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/config/run.pb.h"
#include "runtime/nn/param_spec.h"
#include "runtime/state/train_state.h"

namespace perdure {

class InitialState : public StateSource {
 public:
  // Of a resolved config: weights are read from model.init_from where there is
  // one, what that lacks (adapters), or all, comes from the seed.
  // FailedPrecondition where they depend on data (a prefix made of
  // activations).
  static absl::StatusOr<std::unique_ptr<InitialState>> Open(
      const RunConfig& config);

  std::string description() const override { return description_; }
  std::vector<std::string> Names(StateKind kind) const override;
  absl::Status Read(const std::vector<StateRequest>& requests) override;

 private:
  InitialState() = default;

  uint64_t seed_ = 0;
  std::string description_;
  std::unique_ptr<StateSource> source_;         // nullptr: all from the seed
  std::map<std::string, ParamSpec> from_seed_;  // by name
};

}  // namespace perdure

#endif  // PERDURE_CHECKPOINT_REPLAY_INITIAL_STATE_H_
