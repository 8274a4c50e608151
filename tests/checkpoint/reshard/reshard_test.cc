// State goes from one topology to another and back without losing a bit: what
// engines of topology A save, engines of B load and save again, and A again.

#include <atomic>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checkpoint/snapshot/names.h"
#include "checkpoint/snapshot/snapshot_reader.h"
#include "checkpoint/snapshot/snapshot_saver.h"
#include "gtest/gtest.h"
#include "parallel/engine/first_order_engine.h"
#include "parallel/zeroth_order/zeroth_order_engine.h"
#include "runtime/base/file.h"
#include "runtime/base/philox.h"
#include "runtime/comm/backends.h"
#include "runtime/config/config.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

// A topology, as overrides of the config.
struct Mesh {
  int pp = 1, dp = 1, pertp = 1, tp = 1, zero = 1;
  int ranks() const { return pp * dp * pertp * tp; }
};

struct Case {
  std::string name;
  std::string model;
  Mesh a, b;
  std::string extra;  // config
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

absl::StatusOr<RunConfig> ConfigOf(const Case& c, const Mesh& mesh) {
  ASSIGN_OR_RETURN(
      RunConfig config,
      ParseConfig(
          absl::StrCat(
              "model { ", c.model, " } data { train { path: 'none' } } ",
              "train { steps: 1 global_batch: 1 sequence_length: 8 ",
              "micro_batch: 1 ", c.extra, " } optim { zero: ", mesh.zero,
              " } topology { pp: ", mesh.pp, " dp: ", mesh.dp,
              " pertp: ", mesh.pertp, " tp: ", mesh.tp, " }"),
          "test"));
  return ResolveConfig(config);
}

absl::StatusOr<std::unique_ptr<TrainEngine>> MakeEngine(
    const RunConfig& config, const ProcessGroups* groups, Device* device) {
  if (config.train().method() == TrainConfig::ZEROTH_ORDER) {
    return ZerothOrderEngine::Create(config, 8, groups, device, nullptr,
                                     &BestZerothOrderKernels());
  }
  return FirstOrderEngine::Create(config, 8, groups, device, nullptr);
}

// Fills a request with values that depend on tensor, kind and element only.
void FillByName(const StateRequest& request) {
  const uint64_t name = NameHash(request.tensor.data(), request.tensor.size());
  const PhiloxKey key{
      static_cast<uint32_t>(name),
      static_cast<uint32_t>(name >> 32) + static_cast<uint32_t>(request.kind)};
  for (const ShardRun& run : request.runs) {
    for (int64_t i = 0; i < run.length; ++i) {
      const float value = UniformFromBits(
          Philox4x32({static_cast<uint32_t>(run.global_offset + i)}, key)[0]);
      ConvertElements(DType::kF32, &value, request.dtype,
                      static_cast<char*>(request.base) +
                          (run.local_offset + i) * SizeOf(request.dtype),
                      1);
    }
  }
}

class ReshardTest : public testing::TestWithParam<Case> {
 protected:
  // Engines of a mesh load `from` (made-up values where it is ""), and save to
  // `run_dir`.
  absl::Status Pass(const Mesh& mesh, const std::string& from,
                    const std::string& run_dir) {
    ASSIGN_OR_RETURN(const RunConfig config, ConfigOf(GetParam(), mesh));
    absl::Status common;
    for (const absl::Status& status : RunThreadRanks(
             mesh.ranks(), absl::Seconds(120), [&](Communicator& world) {
               return PassOnRank(config, from, run_dir, world);
             })) {
      common.Update(status);
    }
    return common;
  }

  static absl::Status PassOnRank(const RunConfig& config,
                                 const std::string& from,
                                 const std::string& run_dir,
                                 Communicator& world) {
    ASSIGN_OR_RETURN(const Topology topology,
                     Topology::Create(config.topology(), world.size()));
    ASSIGN_OR_RETURN(const ProcessGroups groups,
                     MakeProcessGroups(world, topology));
    const auto device = MakeCpuDevice(1);
    ASSIGN_OR_RETURN(const auto engine,
                     MakeEngine(config, &groups, device.get()));
    const std::vector<StateRequest> requests =
        engine->Requests(/*weights_only=*/false);
    if (from.empty()) {
      for (const StateRequest& request : requests) FillByName(request);
    } else {
      ASSIGN_OR_RETURN(
          const auto snapshot,
          Snapshot::Open(JoinPath(from, "snapshots/step-000000001")));
      RETURN_IF_ERROR(snapshot->Load(world, requests, {}).status());
    }
    SnapshotSaverOptions options;
    options.snapshot.run_dir = run_dir;
    options.snapshot.model = config.model();
    ASSIGN_OR_RETURN(const auto saver,
                     SnapshotSaver::Create(world, MakePosixStorage(), options));
    RunState run;
    run.run_id = "reshard";
    run.step = 1;
    RETURN_IF_ERROR(saver->Begin(run, engine->SaveMap(), [&](StateSink* sink) {
      return engine->Give(sink);
    }));
    RETURN_IF_ERROR(saver->Finish());
    return saver->TakeReports().at(0).status;
  }

  static void ExpectSame(const std::string& a, const std::string& b) {
    const std::string snapshot = "snapshots/step-000000001";
    for (const char* name : {kWeightsName, kOptimizerName, kConfigName}) {
      const std::string left = JoinPath(JoinPath(a, snapshot), name);
      const std::string right = JoinPath(JoinPath(b, snapshot), name);
      ASSERT_EQ(FileExists(left), FileExists(right)) << name;
      if (FileExists(left)) {
        EXPECT_TRUE(*ReadFile(left) == *ReadFile(right)) << name;
      }
    }
    const auto one = SnapshotReader::Open(JoinPath(a, snapshot));
    const auto two = SnapshotReader::Open(JoinPath(b, snapshot));
    ASSERT_TRUE(one.ok() && two.ok()) << one.status() << two.status();
    EXPECT_TRUE((*two)->Verify({}).ok());
    for (size_t i = 0; i < (*one)->index().tensors().size(); ++i) {
      EXPECT_EQ((*one)->digest(i), (*two)->digest(i))
          << (*one)->index().tensors()[i].name;
    }
  }
};

TEST_P(ReshardTest, ThereAndBackWithoutLosingABit) {
  const Case& c = GetParam();
  const ScratchDirectory scratch;
  const auto path = [&](const char* name) {
    return JoinPath(scratch.path(), name);
  };
  const absl::Status first = Pass(c.a, "", path("a"));
  ASSERT_TRUE(first.ok()) << first;
  const absl::Status there = Pass(c.b, path("a"), path("b"));
  ASSERT_TRUE(there.ok()) << there;
  const absl::Status back = Pass(c.a, path("b"), path("c"));
  ASSERT_TRUE(back.ok()) << back;
  ExpectSame(path("a"), path("b"));
  ExpectSame(path("a"), path("c"));
}

constexpr char kGpt2[] =
    "family: 'gpt2' vocab_size: 127 context: 8 layers: 3 heads: 6 hidden: 24";
// Grouped heads, prime widths, an untied head.
constexpr char kLlama[] =
    "family: 'llama' vocab_size: 17 context: 8 layers: 4 heads: 8 kv_heads: 4 "
    "hidden: 40 head_dim: 5 ffn_hidden: 53 tie_embeddings: false";
constexpr char kTied[] =
    "family: 'llama' vocab_size: 17 context: 8 layers: 3 heads: 6 kv_heads: 3 "
    "hidden: 30 head_dim: 5 ffn_hidden: 53 tie_embeddings: true";

// A vocabulary that no number of ranks divides.
constexpr char kWide[] =
    "family: 'gpt2' vocab_size: 31123 context: 8 layers: 1 heads: 6 hidden: 6";

std::string MeshName(const Mesh& m) {
  return absl::StrCat("pp", m.pp, "dp", m.dp, "pt", m.pertp, "tp", m.tp, "z",
                      m.zero);
}

std::vector<Case> Cases() {
  const Mesh one;
  const std::vector<std::pair<Mesh, Mesh>> first_order = {
      {one, {.dp = 2}},
      {one, {.tp = 3}},
      {{.dp = 3}, {.dp = 5}},
      {{.dp = 7}, {.pp = 3, .tp = 2}},
      {{.dp = 3, .zero = 0}, {.dp = 3, .zero = 1}},
      {{.dp = 2, .tp = 2}, {.pp = 2, .dp = 2, .zero = 0}},
      {{.pp = 2, .dp = 2, .tp = 2}, {.dp = 2, .tp = 3}},
      {{.dp = 2, .tp = 3}, {.pp = 2, .tp = 3, .zero = 0}},
      {{.dp = 8}, {.pp = 3, .dp = 2}},
  };
  std::vector<Case> cases;
  const auto add = [&](const char* model_name, const char* model, Mesh a,
                       Mesh b, const std::string& method,
                       const std::string& extra) {
    cases.push_back({absl::StrCat(model_name, "_", method, "_", MeshName(a),
                                  "_to_", MeshName(b)),
                     model, a, b, extra});
  };
  for (const auto& [a, b] : first_order) {
    for (const char* dtype : {"FP32", "BF16"}) {
      const std::string extra = absl::StrCat("dtype: ", dtype);
      add("gpt2", kGpt2, a, b, dtype, extra);
      add("tied", kTied, a, b, dtype, extra);
      add("llama", kLlama, a, b, dtype, extra);
    }
  }
  add("wide", kWide, {.dp = 2, .tp = 2}, {.tp = 3}, "BF16", "dtype: BF16");
  const std::pair<Mesh, Mesh> zeroth_order[] = {
      {{.pertp = 3}, {.pp = 2, .tp = 2}},
      {{.dp = 2, .pertp = 2}, {.dp = 2, .tp = 3}},
      {{.pp = 3, .pertp = 2}, one}};
  for (const auto& [a, b] : zeroth_order) {
    add("gpt2", kGpt2, a, b, "mezo", "method: ZEROTH_ORDER dtype: FP32");
    add("tied", kTied, a, b, "mezo_bf16", "method: ZEROTH_ORDER dtype: BF16");
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Grid, ReshardTest, testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace perdure
