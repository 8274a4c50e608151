// Trainer: everything before the first step.

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "checkpoint/snapshot/restart_attempts.h"
#include "launcher/train/environment.h"
#include "launcher/train/machine_speed.h"
#include "launcher/train/make_engine.h"
#include "launcher/train/model_setup.h"
#include "launcher/train/plan.h"
#include "launcher/train/resume.h"
#include "launcher/train/run_data.h"
#include "launcher/train/run_directory.h"
#include "launcher/train/startup.h"
#include "launcher/train/trainer.h"
#include "parallel/engine/column_exchange.h"
#include "parallel/engine/initialize_prefix.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/config/config.h"
#include "runtime/data/tokenizer.h"

namespace perdure {
namespace {

bool PrefixFromActivations(const ModelConfig& model) {
  return model.has_prefix() &&
         model.prefix().init() == PrefixConfig::ACTIVATIONS;
}

}  // namespace

Trainer::Trainer(Communicator* world, const TrainerFlags& flags,
                 const TrainEnvironment& environment)
    : world_(world),
      flags_(flags),
      environment_(environment),
      faults_(environment.faults, world->rank(),
              environment.session.launch_generation),
      faulty_(faults_.empty()
                  ? nullptr
                  : std::make_shared<FaultyStorage>(MakePosixStorage())),
      storage_(faulty_ == nullptr ? std::shared_ptr<Storage>(MakePosixStorage())
                                  : faulty_),
      journal_(world, flags.run_dir, environment.session.host, storage_) {}

absl::Status Trainer::FindResumePoint() {
  ResumeSearch search = Search();
  search.below_step = below_step_;
  search.nodes = &*nodes_;
  ASSIGN_OR_RETURN(resume_, journal_.FindResumePoint(search));
  snapshot_ = resume_.snapshot.get();
  if (snapshot_ == nullptr) return absl::OkStatus();
  // Counted until a step is finished.
  const int64_t step = snapshot_->run().step;
  return OnRankZero(
             *world_,
             [&]() -> absl::StatusOr<std::string> {
               RETURN_IF_ERROR(CountRestartAttempt(flags_.run_dir, step));
               return std::string();
             })
      .status();
}

void Trainer::DropResumePoint() {
  if (resume_.of_nodes.has_value()) {
    nodes_->Drop(*resume_.of_nodes);
  } else {
    below_step_ = snapshot_->run().step;
  }
}

absl::Status Trainer::PrepareConfig(const RunConfig& config) {
  config_ = config;
  if (flags_.run_dir.empty()) {
    return absl::InvalidArgumentError(
        "--run_dir is missing; name the directory that the run is to fill");
  }
  if (flags_.resume && flags_.force) {
    return absl::InvalidArgumentError(
        "--resume goes on with the run in --run_dir, --force puts it aside; "
        "give one of them");
  }
  places_ = TierPlacesOf(config.snapshot(), flags_.run_dir,
                         environment_.session.host);
  const int copies = config.journal().copies();
  if (flags_.resume) {
    RETURN_IF_ERROR(journal_.FindCopies(copies));
    RETURN_IF_ERROR(FindNodeSnapshots());
    RETURN_IF_ERROR(FindResumePoint());
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
  if (resume_.exists()) {
    RETURN_IF_ERROR(CheckResumable(resume_.config_text(), config_,
                                   !config.optim().has_decay_steps()));
  }
  // Only now: --force renames, which a wrong config should not have done.
  const auto prepare = [&] {
    return PrepareRunDirectory(flags_.run_dir, flags_.resume, flags_.force);
  };
  RETURN_IF_ERROR(OnRankZero(*world_, [&]() -> absl::StatusOr<std::string> {
                    RETURN_IF_ERROR(prepare());
                    return std::string();
                  }).status());
  RETURN_IF_ERROR(journal_.FindCopies(copies));
  RETURN_IF_ERROR(journal_.OnOtherNodes(prepare));
  if (!flags_.resume) {
    // A new run has nothing to do with what nodes have of one before it.
    RETURN_IF_ERROR(RemoveNodeSnapshots([](SnapshotTier) { return true; }));
  }
  ASSIGN_OR_RETURN(groups_, MakeProcessGroups(*world_, topology));
  return absl::OkStatus();
}

absl::Status Trainer::OpenData() {
  const std::string weights = snapshot_ != nullptr  ? snapshot_->directory()
                              : initial_ != nullptr ? initial_->directory
                                                    : std::string();
  std::unique_ptr<Tokenizer> tokenizer;
  if (config_.has_task()) {
    ASSIGN_OR_RETURN(tokenizer, LoadRunTokenizer(config_, weights));
  }
  ASSIGN_OR_RETURN(train_,
                   OpenRunData(config_, Split::kTrain, tokenizer.get()));
  if (HasSplit(config_, Split::kVal)) {
    ASSIGN_OR_RETURN(val_, OpenRunData(config_, Split::kVal, tokenizer.get()));
  }
  // The tokenizer goes with the run, so that its snapshots stand alone.
  ASSIGN_OR_RETURN(
      tokenizer_dir_, OnRankZero(*world_, [&]() -> absl::StatusOr<std::string> {
        if (tokenizer == nullptr) {
          ASSIGN_OR_RETURN(tokenizer, LoadRunTokenizer(config_, weights));
        }
        if (tokenizer == nullptr) return std::string();
        const std::string dir = JoinPath(flags_.run_dir, "tokenizer");
        RETURN_IF_ERROR(CreateDirectories(dir));
        RETURN_IF_ERROR(tokenizer->Save(dir));
        return dir;
      }));
  return absl::OkStatus();
}

absl::StatusOr<LoadReport> Trainer::ReadSnapshot() {
  std::vector<StateRequest> requests =
      engine_->Requests(/*weights_only=*/false);
  ASSIGN_OR_RETURN(const bool apart, SpansNodes(*groups_.tp));
  if (!apart) return snapshot_->Load(*world_, requests, LoadOptions());
  ColumnExchange exchange(*groups_.tp, engine_->runtime().layout(),
                          std::move(requests));
  ASSIGN_OR_RETURN(
      const LoadReport report,
      snapshot_->Load(*world_, exchange.requests(), LoadOptions()));
  RETURN_IF_ERROR(exchange.Finish());
  return report;
}

absl::Status Trainer::LoadState() {
  weights_from_ = absl::StrCat("random, seed ", config_.train().seed());
  if (snapshot_ != nullptr) {
    ASSIGN_OR_RETURN(const LoadReport report, ReadSnapshot());
    run_ = snapshot_->run();
    // What nodes have for themselves does not count as saved.
    if (!resume_.of_nodes.has_value()) saved_step_ = run_.step;
    for (const std::string& warning : report.warnings) {
      if (!reports()) break;
      std::fprintf(stderr, "perdure: warning: %s; another copy is taken\n",
                   warning.c_str());
    }
    const std::string now = groups_.topology.ToString();
    weights_from_ = absl::StrFormat(
        "%s, %s read in %.2f s (%.2f bytes for one)", snapshot_->directory(),
        HumanBytes(report.bytes_read), report.seconds, report.amplification());
    if (run_.topology != now) {
      absl::StrAppend(&weights_from_, ", saved as ", run_.topology,
                      ", resharded to ", now);
    }
  } else if (initial_ != nullptr) {
    RETURN_IF_ERROR(initial_->source->Read(RequestsFrom(
        initial_->model, config_.model(), engine_->Requests(true))));
    engine_->WeightsChanged();
    weights_from_ = initial_->directory;
  }
  return MakeAdapters();
}

// The adapters that no source had.
absl::Status Trainer::MakeAdapters() {
  const ModelConfig& model = config_.model();
  const bool has_any = snapshot_ != nullptr ||
                       (initial_ != nullptr && HasAdapters(initial_->model));
  if (has_any || !HasAdapters(model)) return absl::OkStatus();
  if (initial_ != nullptr) {
    absl::StrAppend(&weights_from_, model.has_lora()
                                        ? ", with new low-rank adapters"
                                        : ", with a new prefix");
  }
  if (!PrefixFromActivations(model)) return absl::OkStatus();
  RETURN_IF_ERROR(
      InitializePrefix(config_.train().seed(), &engine_->runtime()));
  engine_->WeightsChanged();
  return absl::OkStatus();
}

absl::Status Trainer::OpenReports() {
  const DType dtype = ComputeDType(config_.train());
  ASSIGN_OR_RETURN(const MachineSpeed speed,
                   FindMachineSpeed(*world_, *device_, dtype,
                                    environment_.session, flags_.run_dir));
  const int threads = config_.train().threads_per_rank();
  const double peak = speed.flops() * world_->size() *
                      ShareOfSpeed(speed, speed.ranks_per_node(), threads);
  const auto open = [&]() -> absl::StatusOr<std::string> {
    RETURN_IF_ERROR(WriteRunRecords(
        flags_.run_dir, run_.config_text, QuoteCommand(flags_.command),
        DescribeEnvironment(environment_.session, device_->Describe())));
    const bool again = !resume_.steps.empty() && EvaluationDue();
    ASSIGN_OR_RETURN(metrics_, MetricsLog::Open(flags_.run_dir, run_.step,
                                                resume_.steps, again));
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
  facts.journal = journal_.copies().Describe();
  std::fputs(StartupTable(config_, groups_.topology, facts).c_str(), stdout);
  std::fflush(stdout);
  ProgressOptions options;
  options.total_steps = config_.train().steps();
  options.first_step = run_.step;
  options.log_every = config_.train().log_every();
  // Of a task only the answers' tokens count: no measure of the work.
  options.flops_per_token = config_.has_task() ? 0 : FlopsPerToken(config_);
  options.peak_flops = peak;
  options.terminal = environment_.terminal;
  progress_ = std::make_unique<Progress>(options);
  return absl::OkStatus();
}

absl::Status Trainer::MakeEngineWithState() {
  const int64_t micro_batch = config_.train().micro_batch();
  int64_t max_rows = train_->max_rows(micro_batch);
  if (val_ != nullptr) {
    max_rows = std::max(max_rows, val_->max_rows(micro_batch));
  }
  if (PrefixFromActivations(config_.model())) {
    max_rows = std::max<int64_t>(max_rows, config_.model().prefix().tokens());
  }
  ASSIGN_OR_RETURN(
      engine_, MakeEngine(config_, max_rows, &groups_, device_.get(), &trace_));
  const absl::Status loaded = LoadState();
  if (!absl::IsDataLoss(loaded) || snapshot_ == nullptr) return loaded;
  // Its manifest was whole, its bytes are not. The weights are half written:
  // all begins anew, with an older one.
  if (reports()) {
    std::fprintf(stderr, "perdure: warning: snapshot %s is skipped: %s\n",
                 snapshot_->directory().c_str(),
                 std::string(loaded.message()).c_str());
  }
  engine_.reset();
  DropResumePoint();
  RETURN_IF_ERROR(FindResumePoint());
  return MakeEngineWithState();
}

absl::Status Trainer::Start(const RunConfig& config) {
  RETURN_IF_ERROR(PrepareConfig(config));
  device_ = MakeCpuDevice(config_.train().threads_per_rank());
  RETURN_IF_ERROR(OpenData());
  RETURN_IF_ERROR(MakeEngineWithState());
  RETURN_IF_ERROR(ReplayJournal());
  MakeChecks();
  RETURN_IF_ERROR(BeginGeneration());
  if (board() != nullptr) board()->SetTotalSteps(config_.train().steps());
  return OpenReports();
}

}  // namespace perdure
