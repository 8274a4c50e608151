#include "tests/checkpoint/snapshot/tiny_state.h"

#include <cstring>

#include "checkpoint/snapshot/names.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/base/philox.h"
#include "runtime/comm/backends.h"

namespace perdure {

ModelConfig TinyModel(int vocab, bool tied) {
  ModelConfig model;
  model.set_family("llama");
  model.set_vocab_size(vocab);
  model.set_context(32);
  model.set_layers(2);
  model.set_heads(4);
  model.set_kv_heads(2);
  model.set_hidden(16);
  model.set_ffn_hidden(24);
  model.set_head_dim(4);
  model.set_tie_embeddings(tied);
  model.set_activation("silu");
  model.set_qkv_bias(false);
  return model;
}

RunState TinyRun(int64_t step, int64_t generation) {
  RunState run;
  run.run_id = "tiny";
  run.generation = generation;
  run.parent_generation = generation - 1;
  run.fork_step = 3;
  run.step = step;
  run.samples = step * 8;
  run.tokens = step * 100;
  run.loss_mean = 1.0 / 3;
  run.bad_steps = 2;
  run.updates = step - 1;
  run.config_text = "train { steps: 10 }";
  run.topology = "pp 1 x dp 2 x tp 1";
  return run;
}

TinyState::TinyState(const ModelConfig& model, DType dtype, bool with_optimizer,
                     int seed) {
  for (const ParamSpec& spec : ModelParams(model)) {
    if (!spec.alias_of.empty()) continue;
    Add(StateKind::kWeight, spec, dtype, seed);
    if (!with_optimizer) continue;
    for (const StateKind kind :
         {StateKind::kMaster, StateKind::kMoment1, StateKind::kMoment2}) {
      Add(kind, spec, DType::kF32, seed);
    }
  }
}

void TinyState::Add(StateKind kind, const ParamSpec& spec, DType dtype,
                    int seed) {
  Entry entry{kind, {spec.name, dtype, spec.shape}, ""};
  std::vector<float> values(spec.size());
  // A weight is its master, rounded.
  const StateKind drawn =
      kind == StateKind::kWeight ? StateKind::kMaster : kind;
  const PhiloxKey key{static_cast<uint32_t>(drawn),
                      static_cast<uint32_t>(
                          NameHash(spec.name.data(), spec.name.size()) + seed)};
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] =
        UniformFromBits(Philox4x32({static_cast<uint32_t>(i)}, key)[0]) - 0.5f;
  }
  entry.bytes.resize(entry.tensor.bytes());
  ConvertElements(DType::kF32, values.data(), dtype, entry.bytes.data(),
                  spec.size());
  entries_.push_back(std::move(entry));
}

const TinyState::Entry& TinyState::Find(StateKind kind,
                                        const std::string& name) const {
  for (const Entry& entry : entries_) {
    if (entry.kind == kind && entry.tensor.name == name) return entry;
  }
  ADD_FAILURE() << name;
  return entries_[0];
}

std::vector<StatePiece> TinyState::Pieces(Cut cut, int ranks, int rank) const {
  std::vector<StatePiece> pieces;
  for (const Entry& entry : entries_) {
    const TensorShape& tensor = entry.tensor;
    const auto add = [&](int64_t begin, int64_t end) {
      pieces.push_back({tensor.name, entry.kind, tensor.dtype, tensor.shape,
                        begin, end,
                        entry.bytes.data() + begin * SizeOf(tensor.dtype)});
    };
    const int64_t n = tensor.elements();
    if (cut == Cut::kFlat) {
      // Squares make the shares uneven; small tensors leave some empty.
      add(n * rank * rank / (ranks * ranks),
          n * (rank + 1) * (rank + 1) / (ranks * ranks));
    } else if (tensor.shape.size() == 2) {
      const int64_t cols = tensor.shape[1];
      const Range mine = EvenPart(cols, ranks, rank);
      for (int64_t row = 0; row < tensor.shape[0]; ++row) {
        add(row * cols + mine.begin, row * cols + mine.end);
      }
    } else if (rank == 0) {
      add(0, n);
    }
  }
  return pieces;
}

void TinyState::ExpectIn(StateSource& source) const {
  std::vector<std::string> found(entries_.size());
  std::vector<StateRequest> requests;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const TensorShape& tensor = entries_[i].tensor;
    found[i].resize(tensor.bytes());
    requests.push_back({tensor.name,
                        entries_[i].kind,
                        tensor.dtype,
                        tensor.shape,
                        {{0, 0, tensor.elements()}},
                        found[i].data()});
  }
  const absl::Status status = source.Read(requests);
  ASSERT_TRUE(status.ok()) << status;
  for (size_t i = 0; i < entries_.size(); ++i) {
    EXPECT_TRUE(found[i] == entries_[i].bytes)
        << StateKindName(entries_[i].kind) << " " << entries_[i].tensor.name;
  }
}

SnapshotWriteOptions TinyOptions(const std::string& run_dir,
                                 const ModelConfig& model) {
  SnapshotWriteOptions options;
  options.run_dir = run_dir;
  options.model = model;
  options.keep_last = 0;
  return options;
}

absl::Status WriteTiny(const TinyState& state,
                       const SnapshotWriteOptions& options, const RunState& run,
                       int ranks, Cut cut) {
  return CommonStatus(
      RunThreadRanks(ranks, absl::Seconds(60), [&](Communicator& world) {
        return WriteSnapshot(world, options, run,
                             state.Pieces(cut, world.size(), world.rank()));
      }));
}

absl::Status CommonStatus(const std::vector<absl::Status>& of_ranks) {
  for (const absl::Status& status : of_ranks) {
    EXPECT_EQ(status, of_ranks[0]);
  }
  return of_ranks[0];
}

std::string StepPath(const std::string& run_dir, int64_t step) {
  return JoinPath(JoinPath(run_dir, kSnapshotsDirectory), SnapshotName(step));
}

std::vector<std::string> SnapshotNames(const std::string& run_dir) {
  const std::string snapshots = JoinPath(run_dir, kSnapshotsDirectory);
  if (!IsDirectory(snapshots)) return {};
  return ListDirectory(snapshots).value();
}

}  // namespace perdure
