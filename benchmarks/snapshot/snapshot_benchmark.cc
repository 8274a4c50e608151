// Saving and loading against what the disk and the memory can do: prints
// "name value" lines, medians over rounds in which everything is measured in
// turn.
//
//   bench_snapshot --mib 2048 --rounds 5 --dir /where/the/disk/is

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "checkpoint/format/storage.h"
#include "checkpoint/snapshot/plan.h"
#include "checkpoint/snapshot/snapshot_saver.h"
#include "gflags/gflags.h"
#include "glog/logging.h"
#include "parallel/engine/save_map.h"
#include "runtime/base/file.h"
#include "runtime/comm/backends.h"
#include "runtime/comm/memory_map.h"
#include "runtime/state/digest.h"

DEFINE_int32(mib, 256, "size of the state");
DEFINE_int32(rounds, 5, "how often everything is measured");
DEFINE_string(dir, "/tmp", "a directory on the disk to be measured");

namespace perdure {
namespace {

constexpr uint64_t kChunk = uint64_t{8} << 20;

double Seconds(const std::function<void()>& work) {
  const absl::Time start = absl::Now();
  work();
  return absl::ToDoubleSeconds(absl::Now() - start);
}

// fp32 weights, masters are none, two moments: a model of about `bytes`.
ModelConfig ModelOf(uint64_t bytes) {
  ModelConfig model;
  model.set_family("llama");
  model.set_vocab_size(8000);
  model.set_context(128);
  model.set_heads(8);
  model.set_kv_heads(8);
  model.set_hidden(1024);
  model.set_head_dim(128);
  model.set_ffn_hidden(2816);
  model.set_activation("silu");
  model.set_tie_embeddings(true);
  const uint64_t embedding = 12 * uint64_t{8000} * 1024;
  const uint64_t layer = 12 * (uint64_t{4} * 1024 * 1024 + 3 * 1024 * 2816);
  const uint64_t rest = bytes > embedding ? bytes - embedding : 0;
  model.set_layers(static_cast<int>(std::max<uint64_t>(1, rest / layer)));
  return model;
}

// Everything a rank holds, in one piece of memory.
struct State {
  ModelConfig model;
  StateMap map;
  std::vector<uint64_t> offsets;  // of each range
  uint64_t bytes = 0;
  MemoryMap memory;
};

State MakeState() {
  State state;
  state.model = ModelOf(static_cast<uint64_t>(FLAGS_mib) << 20);
  StateOutline outline;
  outline.optimizer_kinds = [](const ParamSlot&) {
    return std::vector<StateKind>{StateKind::kMoment1, StateKind::kMoment2};
  };
  state.map = MakeSaveMap(state.model, Topology(), outline);
  for (const StateRange& range : state.map.ranges[0]) {
    state.offsets.push_back(state.bytes);
    state.bytes += state.map.tensors[range.tensor].bytes();
  }
  state.memory = MemoryMap::Anonymous(state.bytes).value();
  auto* words = reinterpret_cast<uint64_t*>(state.memory.data());
  for (uint64_t i = 0; i < state.bytes / 8; ++i) {
    words[i] = i * 0x9E3779B97F4A7C15u;
  }
  return state;
}

void DropCache(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  PCHECK(fd >= 0) << path;
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
}

// The same bytes with two threads, around the page cache, and a sync.
double RawWrite(const State& state, const std::string& path) {
  const auto storage = MakePosixStorage();
  CHECK(storage->RemoveTree(path).ok());
  const uint64_t bytes = state.bytes / kChunk * kChunk;
  return Seconds([&] {
    CHECK((*storage->Create(path))->Allocate(bytes).ok());
    auto file = storage->Open(path).value();
    const auto work = [&](uint64_t first) {
      for (uint64_t at = first; at < bytes; at += 2 * kChunk) {
        CHECK(file->WriteAt(at, state.memory.data() + at, kChunk).ok());
      }
    };
    std::thread other(work, kChunk);
    work(0);
    other.join();
    CHECK(file->Sync().ok());
  });
}

// Two threads around the page cache, as RawWrite; `path` is its.
double RawRead(const std::string& path, MemoryMap* target) {
  DropCache(path);
  const File file = File::Open(path, File::Mode::kDirectRead).value();
  const uint64_t bytes = file.Size().value();
  return Seconds([&] {
    const auto work = [&](uint64_t first) {
      for (uint64_t at = first; at < bytes; at += 2 * kChunk) {
        CHECK(file.ReadAt(at, target->data() + at, kChunk).ok());
      }
    };
    std::thread other(work, kChunk);
    work(0);
    other.join();
  });
}

std::vector<StateRequest> Requests(const State& state, char* target) {
  std::vector<StateRequest> requests;
  for (size_t i = 0; i < state.offsets.size(); ++i) {
    const StateTensor& tensor =
        state.map.tensors[state.map.ranges[0][i].tensor];
    requests.push_back({tensor.name,
                        tensor.kind,
                        tensor.dtype,
                        tensor.shape,
                        {{0, 0, tensor.elements()}},
                        target + state.offsets[i]});
  }
  return requests;
}

// The columns of rank `rank` of two, side by side at the tensor's place; whole
// vectors.
std::vector<StateRequest> HalfRequests(const State& state, char* target,
                                       int rank) {
  std::vector<StateRequest> requests = Requests(state, target);
  for (StateRequest& request : requests) {
    if (request.shape.size() < 2) continue;
    const int64_t columns = request.shape[1], half = columns / 2;
    request.runs.clear();
    for (int64_t row = 0; row < request.shape[0]; ++row) {
      request.runs.push_back({row * columns + rank * half, row * half, half});
    }
  }
  return requests;
}

class Benchmark {
 public:
  Benchmark() : state_(MakeState()), alone_(MakeLoopbackCommunicator()) {
    run_dir_ = JoinPath(FLAGS_dir, "perdure_bench_snapshot");
    CHECK(RemoveTree(run_dir_).ok());
    CHECK(CreateDirectories(run_dir_).ok());
    target_ = MemoryMap::Anonymous(state_.bytes).value();
    std::memset(target_.data(), 1, state_.bytes);
    other_target_ = MemoryMap::Anonymous(state_.bytes).value();
    std::memset(other_target_.data(), 1, state_.bytes);
    SnapshotSaverOptions options;
    options.snapshot.run_dir = run_dir_;
    options.snapshot.model = state_.model;
    options.snapshot.keep_last = 1;
    options.stream.threads = 1;
    saver_ =
        SnapshotSaver::Create(*alone_, MakePosixStorage(), options).value();
  }
  ~Benchmark() { CHECK(RemoveTree(run_dir_).ok()); }

  void Run() {
    Save(1);  // makes plan and pool
    for (int round = 0; round < FLAGS_rounds; ++round) {
      const std::string raw = JoinPath(run_dir_, "raw");
      Add("raw_write_gb_s", Rate(RawWrite(state_, raw)));
      Add("memcpy_s", Seconds([&] {
            std::memcpy(target_.data(), state_.memory.data(), state_.bytes);
          }));
      const SaveReport report = Save(round + 2);
      Add("save_gb_s", Rate(report.seconds));
      Add("stall_s", report.stall_seconds);
      Add("raw_read_gb_s", Rate(RawRead(raw, &target_)));
      Add("load_gb_s", Rate(Load(round + 2)));
      Add("reshard_gb_s", Rate(LoadOnTwoRanks(round + 2)));
      Add("verify_gb_s", Rate(Verify(round + 2)));
      Add("digest_gb_s", Rate(Seconds([&] {
            sums_ +=
                Digest(DType::kF32, state_.memory.data(), 0, state_.bytes / 4);
          })));
    }
    for (auto& [name, values] : values_) {
      std::sort(values.begin(), values.end());
      std::printf("%s %.6g\n", name.c_str(), values[values.size() / 2]);
    }
    std::printf("state_bytes %llu\n",
                static_cast<unsigned long long>(state_.bytes));
    std::printf("second_plan_ms_per_10k_tensors %.6g\n", SecondPlan());
  }

 private:
  double Rate(double seconds) const {
    return static_cast<double>(state_.bytes) / 1e9 / seconds;
  }
  void Add(const std::string& name, double value) {
    values_[name].push_back(value);
  }

  SaveReport Save(int64_t step) {
    RunState run;
    run.run_id = "bench";
    run.step = step;
    CHECK(saver_
              ->Begin(run, state_.map,
                      [&](StateSink* sink) {
                        absl::Status status;
                        for (size_t i = 0; i < state_.offsets.size(); ++i) {
                          const uint64_t end = i + 1 < state_.offsets.size()
                                                   ? state_.offsets[i + 1]
                                                   : state_.bytes;
                          status.Update(sink->Take(
                              i, 0, state_.memory.data() + state_.offsets[i],
                              end - state_.offsets[i]));
                        }
                        return status;
                      })
              .ok());
    CHECK(saver_->Finish().ok());
    const SaveReport report = saver_->TakeReports().at(0);
    CHECK(report.status.ok()) << report.status;
    return report;
  }

  // The snapshot's directory, out of the page cache.
  std::string ColdSnapshot(int64_t step) const {
    std::string dir =
        JoinPath(run_dir_, absl::StrFormat("snapshots/step-%09d", step));
    for (const char* name : {"model.safetensors", "optimizer.h5"}) {
      DropCache(JoinPath(dir, name));
    }
    return dir;
  }

  double Load(int64_t step) {
    const std::string dir = ColdSnapshot(step);
    return Seconds([&] {
      const auto snapshot = Snapshot::Open(dir).value();
      const auto report =
          snapshot->Load(*alone_, Requests(state_, target_.data()), {});
      CHECK(report.ok()) << report.status();
    });
  }

  // As tensor parallelism of two cuts it, which nobody knew when it was saved.
  double LoadOnTwoRanks(int64_t step) {
    const std::string dir = ColdSnapshot(step);
    std::vector<StateRequest> requests[2] = {
        HalfRequests(state_, target_.data(), 0),
        HalfRequests(state_, other_target_.data(), 1)};
    return Seconds([&] {
      for (const absl::Status& status : RunThreadRanks(
               2, absl::Seconds(60), [&](Communicator& world) -> absl::Status {
                 ASSIGN_OR_RETURN(const auto snapshot, Snapshot::Open(dir));
                 return snapshot->Load(world, requests[world.rank()], {})
                     .status();
               })) {
        CHECK(status.ok()) << status;
      }
    });
  }

  double Verify(int64_t step) {
    const std::string dir = ColdSnapshot(step);
    return Seconds([&] {
      const absl::Status verified = Snapshot::Open(dir).value()->Verify({});
      CHECK(verified.ok()) << verified;
    });
  }

  // What a save after the first spends on its plan: finding it unchanged.
  double SecondPlan() const {
    StateMap map;
    map.ranges.resize(1);
    for (uint32_t i = 0; i < 10'000; ++i) {
      map.tensors.push_back(
          {StateKind::kWeight,
           absl::StrCat("model.decoder.layers.", i, ".self_attn.q_proj.weight"),
           DType::kBF16,
           {4096, 4096}});
      map.ranges[0].push_back({i, 0, int64_t{4096} * 4096});
    }
    uint64_t sum = 0;
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
      best = std::min(best, Seconds([&] { sum += HashMap(map); }));
    }
    CHECK_NE(sum, 0u);
    return best * 1e3;
  }

  const State state_;
  const std::unique_ptr<Communicator> alone_;
  std::string run_dir_;
  MemoryMap target_, other_target_;
  uint64_t sums_ = 0;  // so that they are computed
  std::unique_ptr<SnapshotSaver> saver_;
  std::map<std::string, std::vector<double>> values_;
};

}  // namespace
}  // namespace perdure

int main(int argc, char** argv) {
  google::InitGoogleLogging(argv[0]);
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  perdure::Benchmark().Run();
  return 0;
}
