#include "tests/parallel/engine/tiny_run.h"

#include <chrono>
#include <cmath>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "gtest/gtest.h"
#include "parallel/engine/first_order_engine.h"
#include "parallel/engine/initialize_prefix.h"
#include "parallel/zeroth_order/zeroth_order_engine.h"
#include "runtime/base/file.h"
#include "runtime/base/philox.h"
#include "runtime/comm/backends.h"
#include "runtime/config/config.h"
#include "runtime/data/token_file.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

constexpr int kVocabulary = 67;

// Tokens with some order in them, in documents of odd lengths.
std::string WriteTokens() {
  static const ScratchDirectory directory;
  const std::string path = JoinPath(directory.path(), "tiny.tokens");
  auto writer = TokenFileWriter::Create(path, kVocabulary);
  CHECK(writer.ok()) << writer.status();
  int32_t last = 0;
  for (int i = 0; i < 4000; ++i) {
    if (i % 37 == 0) (*writer)->StartDocument();
    const uint32_t bits =
        Philox4x32({static_cast<uint32_t>(i), 0, 0, 0}, {7, 7})[0];
    const int32_t token =
        static_cast<int32_t>((3 * last + bits % 5) % kVocabulary);
    CHECK((*writer)->Append(&token, 1).ok());
    last = token;
  }
  CHECK((*writer)->Finish().ok());
  return path;
}

// Copies a piece into its tensor.
void Place(const StatePiece& piece, TinyRun* run) {
  std::vector<float>& tensor =
      run->state[absl::StrCat(StateKindName(piece.kind), "/", piece.tensor)];
  int64_t size = 1;
  for (int64_t dim : piece.shape) size *= dim;
  tensor.resize(static_cast<size_t>(size), std::nanf(""));
  ConvertElements(piece.dtype, piece.data, DType::kF32,
                  tensor.data() + piece.begin, piece.end - piece.begin);
}

absl::StatusOr<std::unique_ptr<TrainEngine>> MakeTinyEngine(
    const RunConfig& config, int64_t max_rows, const ProcessGroups* groups,
    Device* device, const ZerothOrderKernels* kernels) {
  if (config.train().method() == TrainConfig::ZEROTH_ORDER) {
    if (kernels == nullptr) kernels = &BestZerothOrderKernels();
    return ZerothOrderEngine::Create(config, max_rows, groups, device, nullptr,
                                     kernels);
  }
  return FirstOrderEngine::Create(config, max_rows, groups, device, nullptr);
}

}  // namespace

RunConfig TinyConfig(const std::string& family,
                     const std::vector<std::string>& overrides) {
  const std::string text = absl::StrCat(
      "model { family: '", family, "' vocab_size: ", kVocabulary,
      " context: 24 layers: 4 heads: 4 hidden: 32 init_std: 0.1 ",
      family == "llama" ? "kv_heads: 2 ffn_hidden: 52 " : "",
      "} data { train { path: '", WriteTokens(),
      "' } val_fraction: 0.1 mask_document_start: true } "
      "train { steps: 100 global_batch: 8 micro_batch: 3 sequence_length: 20 } "
      "optim { lr: 3e-3 warmup_steps: 5 clip_norm: 1 }");
  absl::StatusOr<RunConfig> config = ParseConfig(text, "tiny");
  CHECK(config.ok()) << config.status();
  const absl::Status applied = ApplyOverrides(overrides, &*config);
  CHECK(applied.ok()) << applied;
  const absl::Status valid = CheckConfig(*config, /*for_training=*/true);
  CHECK(valid.ok()) << valid;
  return ResolveConfig(*config);
}

PrepareStep SlowRank(int slow) {
  return [slow](TrainEngine* engine, int rank, int step) {
    if (rank != slow || step > 0) return;
    engine->runtime().SetPace(
        [] { std::this_thread::sleep_for(std::chrono::milliseconds(10)); });
  };
}

void ExpectEqualBits(const TinyRun& a, const TinyRun& b) {
  ASSERT_EQ(a.steps.size(), b.steps.size());
  for (size_t i = 0; i < a.steps.size(); ++i) {
    ASSERT_EQ(a.steps[i].loss_plus, b.steps[i].loss_plus) << "step " << i + 1;
    ASSERT_EQ(a.steps[i].loss_minus, b.steps[i].loss_minus) << "step " << i + 1;
    ASSERT_EQ(a.steps[i].projected_grad, b.steps[i].projected_grad);
    ASSERT_EQ(a.steps[i].loss, b.steps[i].loss) << "step " << i + 1;
    ASSERT_EQ(a.steps[i].grad_norm, b.steps[i].grad_norm) << "step " << i + 1;
  }
  EXPECT_EQ(a.val_loss, b.val_loss);
  EXPECT_EQ(a.state, b.state);
}

TinyRun TrainTiny(const RunConfig& config, int ranks, int steps,
                  const ZerothOrderKernels* kernels,
                  const PrepareStep& prepare) {
  TinyRun result;
  result.traffic.resize(static_cast<size_t>(ranks));
  std::mutex mutex;
  const auto body = [&](Communicator& world) -> absl::Status {
    ASSIGN_OR_RETURN(const Topology topology,
                     Topology::Create(config.topology(), world.size()));
    ASSIGN_OR_RETURN(const ProcessGroups groups,
                     MakeProcessGroups(world, topology));
    const auto device = MakeCpuDevice(config.train().threads_per_rank());
    const TrainConfig& train = config.train();
    const auto open = [&](Split split) {
      return Dataset::Open(config.data(), split, train.sequence_length(),
                           config.model().vocab_size(), train.seed());
    };
    ASSIGN_OR_RETURN(const auto data, open(Split::kTrain));
    ASSIGN_OR_RETURN(const auto val, open(Split::kVal));
    ASSIGN_OR_RETURN(const auto engine,
                     MakeTinyEngine(config, data->max_rows(train.micro_batch()),
                                    &groups, device.get(), kernels));
    if (config.model().has_prefix() &&
        config.model().prefix().init() == PrefixConfig::ACTIVATIONS) {
      RETURN_IF_ERROR(InitializePrefix(train.seed(), &engine->runtime()));
      engine->WeightsChanged();
    }
    RunState run;
    std::vector<StepRecord> records;
    const int64_t pp_before = groups.pp->stats().bytes;
    const int64_t replicas_before = groups.replicas->stats().bytes;
    const int64_t dp_before = groups.dp->stats().bytes;
    for (int i = 0; i < steps; ++i) {
      int signal = 0;
      if (prepare) prepare(engine.get(), world.rank(), i);
      ASSIGN_OR_RETURN(records.emplace_back(),
                       engine->Step(*data, &run, &signal));
    }
    const TinyRun::Traffic traffic = {
        groups.replicas->stats().bytes - replicas_before,
        groups.dp->stats().bytes - dp_before,
        groups.pp->stats().bytes - pp_before,
        engine->runtime().meter().work().blocks, records};
    ASSIGN_OR_RETURN(const Evaluation evaluation, engine->Evaluate(*val, 0, 0));
    ASSIGN_OR_RETURN(const SavedPieces saved, engine->Pieces());
    std::lock_guard<std::mutex> lock(mutex);
    result.traffic[static_cast<size_t>(world.rank())] = traffic;
    if (world.rank() == 0) {
      result.steps = records;
      result.val_loss = evaluation.loss.mean();
    }
    for (const StatePiece& piece : saved.pieces) Place(piece, &result);
    return absl::OkStatus();
  };
  for (const absl::Status& status :
       RunThreadRanks(ranks, absl::Seconds(60), body)) {
    CHECK(status.ok()) << status;
  }
  return result;
}

double LossDifference(const TinyRun& a, const TinyRun& b) {
  CHECK_EQ(a.steps.size(), b.steps.size());
  double largest = std::abs(a.val_loss / b.val_loss - 1);
  for (size_t i = 0; i < a.steps.size(); ++i) {
    CHECK_EQ(a.steps[i].tokens, b.steps[i].tokens);
    largest =
        std::max(largest, std::abs(a.steps[i].loss / b.steps[i].loss - 1));
  }
  return largest;
}

double StateDifference(const TinyRun& a, const TinyRun& b) {
  CHECK_EQ(a.state.size(), b.state.size());
  double largest = 0;
  for (const auto& [name, values] : a.state) {
    // Softmax does not see what all keys share: the true gradient of their bias
    // is zero, and Adam walks along its rounding errors.
    if (absl::StrContains(name, "k_proj.bias") ||
        absl::StrContains(name, "c_attn.bias")) {
      continue;
    }
    const auto other = b.state.find(name);
    CHECK(other != b.state.end()) << name;
    double difference = 0, scale = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      CHECK(!std::isnan(values[i]) && !std::isnan(other->second[i])) << name;
      difference =
          std::max<double>(difference, std::abs(values[i] - other->second[i]));
      scale = std::max<double>(scale, std::abs(values[i]));
    }
    if (scale > 0) largest = std::max(largest, difference / scale);
  }
  return largest;
}

}  // namespace perdure
