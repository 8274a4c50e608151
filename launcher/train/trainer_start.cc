// Trainer: everything before the first step.

#include <unistd.h>

#include <cstdio>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "launcher/train/environment.h"
#include "launcher/train/model_setup.h"
#include "launcher/train/peak.h"
#include "launcher/train/plan.h"
#include "launcher/train/resume.h"
#include "launcher/train/run_directory.h"
#include "launcher/train/startup.h"
#include "launcher/train/trainer.h"
#include "runtime/base/file.h"
#include "runtime/config/config.h"
#include "runtime/data/tokenizer.h"

namespace perdure {
namespace {

// Names a run for good: the time it began and what chance adds to it.
std::string NewRunId() {
  std::random_device random;
  return absl::StrFormat("%d-%08x", absl::ToUnixSeconds(absl::Now()), random());
}

}  // namespace

absl::Status Trainer::PrepareConfig(const RunConfig& config) {
  if (flags_.run_dir.empty()) {
    return absl::InvalidArgumentError(
        "--run_dir is missing; name the directory that the run is to fill");
  }
  if (flags_.resume && flags_.force) {
    return absl::InvalidArgumentError(
        "--resume goes on with the run in --run_dir, --force puts it aside; "
        "give one of them");
  }
  if (flags_.resume) {
    ASSIGN_OR_RETURN(snapshot_, OpenForResume(*world_, flags_.run_dir));
  }
  RunConfig complete = config;
  if (config.model().has_init_from()) {
    // A resumed run has its weights; its model is what they were then.
    ModelConfig model;
    if (snapshot_ != nullptr) {
      model = snapshot_->model();
    } else {
      ASSIGN_OR_RETURN(ModelSource source,
                       OpenInitialModel(*world_, config.model().init_from()));
      initial_ = std::make_unique<ModelSource>(std::move(source));
      model = initial_->model;
    }
    ASSIGN_OR_RETURN(complete, TakeModel(config, model));
  }
  ASSIGN_OR_RETURN(const Topology topology,
                   Topology::Create(config.topology(), world_->size()));
  ASSIGN_OR_RETURN(config_,
                   FinishConfig(complete, topology, /*for_training=*/true));
  if (snapshot_ != nullptr) {
    RETURN_IF_ERROR(CheckResumable(snapshot_->run(), config_,
                                   !config.optim().has_decay_steps()));
  }
  // Only now: --force renames, which a wrong config should not have done.
  RETURN_IF_ERROR(OnRankZero(*world_, [&]() -> absl::StatusOr<std::string> {
                    RETURN_IF_ERROR(PrepareRunDirectory(
                        flags_.run_dir, flags_.resume, flags_.force));
                    return std::string();
                  }).status());
  ASSIGN_OR_RETURN(groups_, MakeProcessGroups(*world_, topology));
  return absl::OkStatus();
}

absl::Status Trainer::OpenData() {
  const DataConfig& data = config_.data();
  const TrainConfig& train = config_.train();
  ASSIGN_OR_RETURN(train_,
                   Dataset::Open(data, Split::kTrain, train.sequence_length(),
                                 config_.model().vocab_size(), train.seed()));
  if (data.val_size() > 0 || data.val_fraction() > 0) {
    ASSIGN_OR_RETURN(val_,
                     Dataset::Open(data, Split::kVal, train.sequence_length(),
                                   config_.model().vocab_size(), train.seed()));
  }
  // The tokenizer goes with the run, so that its snapshots stand alone.
  ASSIGN_OR_RETURN(
      tokenizer_dir_, OnRankZero(*world_, [&]() -> absl::StatusOr<std::string> {
        const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer =
            LoadTokenizer(TokenizerPath(data));
        if (!tokenizer.ok()) {
          if (data.has_tokenizer()) return tokenizer.status();
          return std::string();
        }
        if ((*tokenizer)->vocab_size() > config_.model().vocab_size()) {
          return absl::InvalidArgumentError(absl::StrCat(
              "model.vocab_size: ", config_.model().vocab_size(),
              " is smaller than the tokenizer's ", (*tokenizer)->vocab_size(),
              " (", TokenizerPath(data), "); raise it"));
        }
        const std::string dir = JoinPath(flags_.run_dir, "tokenizer");
        RETURN_IF_ERROR(CreateDirectories(dir));
        RETURN_IF_ERROR((*tokenizer)->Save(dir));
        return dir;
      }));
  return absl::OkStatus();
}

absl::Status Trainer::LoadState() {
  weights_from_ = absl::StrCat("random, seed ", config_.train().seed());
  if (snapshot_ != nullptr) {
    RETURN_IF_ERROR(snapshot_->Read(engine_->Requests(/*weights_only=*/false)));
    run_ = snapshot_->run();
    saved_step_ = run_.step;
    const std::string now = groups_.topology.ToString();
    weights_from_ = absl::StrCat("resumed at step ", run_.step, " from ",
                                 snapshot_->directory());
    if (run_.topology != now) {
      absl::StrAppend(&weights_from_, ", saved as ", run_.topology,
                      ", resharded to ", now);
    }
  } else if (initial_ != nullptr) {
    RETURN_IF_ERROR(
        initial_->source->Read(engine_->Requests(/*weights_only=*/true)));
    engine_->WeightsChanged();
    weights_from_ = initial_->directory;
  }
  return absl::OkStatus();
}

absl::Status Trainer::BeginGeneration() {
  if (snapshot_ == nullptr) {
    ASSIGN_OR_RETURN(run_.run_id, OnRankZero(*world_, [] {
                       return absl::StatusOr<std::string>(NewRunId());
                     }));
  }
  run_.parent_generation = run_.generation;
  run_.fork_step = run_.step;
  ++run_.generation;
  run_.topology = groups_.topology.ToString();
  run_.config_text = ConfigToText(config_);
  return absl::OkStatus();
}

absl::Status Trainer::OpenReports() {
  const DType dtype =
      config_.train().dtype() == TrainConfig::BF16 ? DType::kBF16 : DType::kF32;
  ASSIGN_OR_RETURN(const double peak,
                   MeasurePeakFlops(*world_, *device_, dtype));
  const auto open = [&]() -> absl::StatusOr<std::string> {
    RETURN_IF_ERROR(WriteRunRecords(
        flags_.run_dir, run_.config_text, QuoteCommand(flags_.command),
        DescribeEnvironment(environment_.session, device_->Describe())));
    ASSIGN_OR_RETURN(metrics_, MetricsLog::Open(flags_.run_dir, run_.step));
    return std::string();
  };
  RETURN_IF_ERROR(OnRankZero(*world_, open).status());
  if (!reports() || environment_.quiet) return absl::OkStatus();
  StartupFacts facts;
  facts.session = environment_.session;
  facts.device = device_->Describe();
  facts.peak_flops = peak;
  facts.run_dir = flags_.run_dir;
  facts.train_data = train_->Describe();
  facts.val_data = val_ == nullptr ? "" : val_->Describe();
  facts.weights = weights_from_;
  std::fputs(StartupTable(config_, groups_.topology, facts).c_str(), stdout);
  std::fflush(stdout);
  ProgressOptions options;
  options.total_steps = config_.train().steps();
  options.first_step = run_.step;
  options.log_every = config_.train().log_every();
  options.flops_per_token = FlopsPerToken(config_);
  options.peak_flops = peak;
  options.terminal = environment_.terminal;
  progress_ = std::make_unique<Progress>(options);
  return absl::OkStatus();
}

absl::Status Trainer::Start(const RunConfig& config) {
  RETURN_IF_ERROR(PrepareConfig(config));
  device_ = MakeCpuDevice(config_.train().threads_per_rank());
  RETURN_IF_ERROR(OpenData());
  ASSIGN_OR_RETURN(engine_, FirstOrderEngine::Create(config_, &groups_,
                                                     device_.get(), &trace_));
  RETURN_IF_ERROR(LoadState());
  RETURN_IF_ERROR(BeginGeneration());
  return OpenReports();
}

}  // namespace perdure
