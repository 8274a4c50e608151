// Whole conversions of checkpoints that other programs wrote.

#include "checkpoint/convert/convert.h"

#include "checkpoint/convert/hugging_face.h"
#include "checkpoint/snapshot/snapshot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/checkpoint/convert/hf_directory.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

using testing::HasSubstr;

class ConvertTest : public testing::Test {
 protected:
  std::string At(const std::string& name) const {
    return JoinPath(scratch_.path(), name);
  }
  static std::string Golden(const std::string& name) {
    return GoldenPath("convert/" + name);
  }
  static HfTensors Weights(const std::string& directory) {
    return ReadHfTensors(JoinPath(directory, "model.safetensors"));
  }

  ConvertReport Run(ConvertOptions options) {
    const auto report = Convert(options, {});
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(ConvertReport{});
  }
  absl::Status Fail(const ConvertOptions& options) {
    const absl::Status status = Convert(options, {}).status();
    EXPECT_FALSE(FileExists(options.target));
    return status;
  }

  // The source's weights are those of the model, bit for bit.
  void ExpectModel(const std::string& source, const std::string& model,
                   const std::string& rules = "") {
    SCOPED_TRACE(source);
    ConvertOptions options;
    options.source = Golden(source);
    options.target = At(source + ".snapshot");
    options.rules = rules;
    if (!rules.empty()) options.model = Golden(model);
    Run(options);
    EXPECT_TRUE(Weights(options.target) == Weights(Golden(model)));
    const auto snapshot = Snapshot::Open(options.target);
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_TRUE((*snapshot)->Verify({}).ok());
  }

  // From a Hugging Face directory to a format and back: the same bytes.
  void ExpectRoundTrip(const std::string& model, const std::string& to,
                       const std::string& dtype = "") {
    SCOPED_TRACE(to);
    ConvertOptions there;
    there.source = Golden(model);
    there.target = At(model + "." + to + ".bin");
    there.to = to;
    there.dtype = dtype;
    Run(there);
    ConvertOptions back;
    back.source = there.target;
    back.target = there.target + ".hf";
    back.to = "hf";
    back.dtype = dtype.empty() ? "" : "fp32";
    Run(back);
    if (dtype.empty()) {
      EXPECT_TRUE(Weights(back.target) == Weights(Golden(model)));
    }
  }

  const ScratchDirectory scratch_;
};

TEST_F(ConvertTest, PeersCheckpointsAreRead) {
  ExpectModel("nanogpt.pt", "gpt2");
  ExpectModel("gpt2_pickled", "gpt2");
  ExpectModel("llmc_v3.bin", "gpt2");
  ExpectModel("llama2c_v0.bin", "llama");
  ExpectModel("llama2c_v1.bin", "llama");
  ExpectModel("megatron_gpt2.pt", "gpt2", "megatron-gpt2");
  ExpectModel("megatron_llama.pt", "llama", "megatron-llama");
}

// nanoGPT's bias = False is a GPT-2 whose biases are zero.
TEST_F(ConvertTest, BiasesThatNanoGptLeftOutAreZeros) {
  ConvertOptions options;
  options.source = Golden("nanogpt_no_bias.pt");
  options.target = At("no_bias");
  options.to = "hf";
  const ConvertReport report = Run(options);
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_THAT(report.notes[0], HasSubstr("biases"));
  HfTensors expected = Weights(Golden("gpt2"));
  size_t biases = 0;
  for (auto& [name, tensor] : expected) {
    if (!name.ends_with(".bias")) continue;
    ++biases;
    tensor.bytes.assign(tensor.bytes.size(), '\0');
  }
  EXPECT_GT(biases, 10u);
  EXPECT_TRUE(Weights(options.target) == expected);
}

TEST_F(ConvertTest, FlatFilesAreWrittenAsTheirOwnProgramsDo) {
  ConvertOptions options;
  options.source = Golden("gpt2");
  options.target = At("gpt2.bin");
  options.to = "llmc";
  Run(options);
  EXPECT_TRUE(*ReadFile(At("gpt2.bin")) == *ReadFile(Golden("llmc_v3.bin")));
  options.target = At("gpt2.16.bin");
  options.dtype = "bf16";
  Run(options);
  EXPECT_TRUE(*ReadFile(At("gpt2.16.bin")) == *ReadFile(Golden("llmc_v5.bin")));
  options.source = Golden("llama");
  options.target = At("llama.bin");
  options.to = "llama2c";
  options.dtype = "";
  Run(options);
  EXPECT_TRUE(*ReadFile(At("llama.bin")) ==
              *ReadFile(Golden("llama2c_v0.bin")));
}

TEST_F(ConvertTest, ThereAndBackIsTheSame) {
  ExpectRoundTrip("gpt2", "perdure");
  ExpectRoundTrip("gpt2", "hf");
  ExpectRoundTrip("gpt2", "llmc");
  ExpectRoundTrip("llama", "llama2c");
}

TEST_F(ConvertTest, NamesOfAPeerAreWritten) {
  ConvertOptions options;
  options.source = Golden("llama");
  options.target = At("megatron");
  options.to = "safetensors";
  options.rules = "megatron-llama";
  Run(options);
  const HfTensors written = Weights(options.target);
  EXPECT_EQ(written.at("embedding.word_embeddings.weight").shape,
            (std::vector<int64_t>{128, 16}));
  ConvertOptions back;
  back.source = options.target;
  back.target = At("back");
  back.to = "hf";
  back.rules = "megatron-llama";
  back.model = Golden("llama");
  Run(back);
  EXPECT_TRUE(Weights(back.target) == Weights(Golden("llama")));
}

// The older names of what the files of Megatron-Core, above, hold.
TEST_F(ConvertTest, MegatronsOlderNamesHoldTheSameTensors) {
  const std::pair<std::string, std::string> names[] = {
      {"decoder.", "language_model.encoder."},
      {"embedding.", "language_model.embedding."},
      {"output_layer.", "language_model.output_layer."},
      {"self_attention.linear_qkv.", "self_attention.query_key_value."},
      {"self_attention.linear_proj.", "self_attention.dense."},
      {"mlp.linear_fc1.", "mlp.dense_h_to_4h."},
      {"mlp.linear_fc2.", "mlp.dense_4h_to_h."},
      {"pre_mlp_layernorm.", "post_attention_layernorm."}};
  for (const std::string family : {"gpt2", "llama"}) {
    SCOPED_TRACE(family);
    ConvertOptions options;
    options.source = Golden(family);
    options.to = "safetensors";
    options.target = At(family + ".core");
    options.rules = "megatron-" + family;
    Run(options);
    options.target = At(family + ".lm");
    options.rules = "megatron-lm-" + family;
    Run(options);
    HfTensors expected;
    for (const auto& [core_name, tensor] : Weights(At(family + ".core"))) {
      std::string name = core_name;
      // Megatron-Core has norms inside the layers that follow them, too.
      if (name.find(".layer_norm_") != std::string::npos) continue;
      for (const auto& [core, older] : names) {
        const size_t at = name.find(core);
        if (at != std::string::npos) name.replace(at, core.size(), older);
      }
      expected[name] = tensor;
    }
    EXPECT_TRUE(Weights(options.target) == expected);
    ConvertOptions back;
    back.source = options.target;
    back.target = At(family + ".back");
    back.to = "hf";
    back.rules = options.rules;
    back.model = Golden(family);
    Run(back);
    EXPECT_TRUE(Weights(back.target) == Weights(Golden(family)));
  }
}

constexpr char kRankRules[] = R"(
family: "llama"
rule { theirs: "tp_{tp}:embedding.word_embeddings.weight"
       ours: "model.embed_tokens.weight"
       over { capture: "tp" } rows { size: "vocab_size" } }
rule { theirs: "tp_{tp}:output_layer.weight" ours: "lm_head.weight"
       over { capture: "tp" } rows { size: "vocab_size" } }
rule { theirs: "tp_{tp}:decoder.final_layernorm.weight" ours: "model.norm.weight"
       over { capture: "tp" how: FINAL_NORM } }
rule { theirs: "tp_{tp}:decoder.layers.{l}.self_attention.linear_qkv.layer_norm_weight"
       ours: "model.layers.{l}.input_layernorm.weight"
       over { capture: "tp" how: REPLICATED } }
rule { theirs: "tp_{tp}:decoder.layers.{l}.mlp.linear_fc1.layer_norm_weight"
       ours: "model.layers.{l}.post_attention_layernorm.weight"
       over { capture: "tp" how: REPLICATED } }
rule { theirs: "tp_{tp}:decoder.layers.{l}.self_attention.linear_qkv.weight"
       ours: "model.layers.{l}.self_attn.q_proj.weight"
       ours: "model.layers.{l}.self_attn.k_proj.weight"
       ours: "model.layers.{l}.self_attn.v_proj.weight"
       over { capture: "tp" }
       fused { groups: "kv_heads" part { size: "heads * head_dim" }
               part { size: "kv_heads * head_dim" }
               part { size: "kv_heads * head_dim" } } }
rule { theirs: "tp_{tp}:decoder.layers.{l}.self_attention.linear_proj.weight"
       ours: "model.layers.{l}.self_attn.o_proj.weight"
       over { capture: "tp" dim: 1 } }
rule { theirs: "tp_{tp}:decoder.layers.{l}.mlp.linear_fc1.weight"
       ours: "model.layers.{l}.mlp.gate_proj.weight"
       ours: "model.layers.{l}.mlp.up_proj.weight"
       over { capture: "tp" }
       fused { groups: "tp" part { size: "ffn_hidden" } part { size: "ffn_hidden" } } }
rule { theirs: "tp_{tp}:decoder.layers.{l}.mlp.linear_fc2.weight"
       ours: "model.layers.{l}.mlp.down_proj.weight"
       over { capture: "tp" dim: 1 } }
)";

TEST_F(ConvertTest, RanksOfMegatronAreMergedByRulesOfOnesOwn) {
  const auto with = [&](const std::string& final_norm) {
    std::string rules = kRankRules;
    const std::string hole = "FINAL_NORM";
    rules.replace(rules.find(hole), hole.size(), final_norm);
    const std::string path = At(final_norm + ".textproto");
    EXPECT_TRUE(WriteFileAtomically(path, rules).ok());
    ConvertOptions options;
    options.source = Golden("megatron_ranks");
    options.target = At(final_norm);
    options.rules = path;
    options.model = Golden("llama");
    return options;
  };
  const absl::Status status = Fail(with("REPLICATED"));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("tp_00:decoder.final_layernorm.weight and "
                        "tp_01:decoder.final_layernorm.weight"));
  const ConvertReport report = Run(with("AVERAGED"));
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_THAT(report.notes[0], HasSubstr("model.norm.weight"));
  EXPECT_THAT(report.notes[0], HasSubstr("0.25"));
  HfTensors merged = Weights(At("AVERAGED"));
  HfTensors expected = Weights(Golden("llama"));
  merged.erase("model.norm.weight");
  expected.erase("model.norm.weight");
  EXPECT_TRUE(merged == expected);
}

TEST_F(ConvertTest, AUniversalCheckpointBringsItsMoments) {
  ConvertOptions options;
  options.source = Golden("universal");
  options.target = At("ds");
  options.model = Golden("tied");
  options.dtype = "bf16";
  Run(options);
  auto snapshot = Snapshot::Open(options.target);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ((*snapshot)->run().step, 7);
  EXPECT_EQ((*snapshot)->run().updates, 7);
  const HfTensors weights = Weights(Golden("tied"));
  for (const auto& [name, tensor] : weights) {
    SCOPED_TRACE(name);
    const int64_t n = static_cast<int64_t>(tensor.bytes.size() / 4);
    const auto* expected = reinterpret_cast<const float*>(tensor.bytes.data());
    std::vector<float> average(n), squares(n), master(n);
    std::vector<StateRequest> requests;
    const auto ask = [&](StateKind kind, std::vector<float>* values) {
      requests.push_back(
          {name, kind, DType::kF32, tensor.shape, {{0, 0, n}}, values->data()});
    };
    ask(StateKind::kMoment1, &average);
    ask(StateKind::kMoment2, &squares);
    // 1-D weights stay fp32 and need no master.
    ask(tensor.shape.size() > 1 ? StateKind::kMaster : StateKind::kWeight,
        &master);
    const absl::Status status = (*snapshot)->Read(requests);
    ASSERT_TRUE(status.ok()) << status;
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(master[i], expected[i]);
      EXPECT_EQ(average[i], expected[i] * 0.25f);
      EXPECT_EQ(squares[i], expected[i] * expected[i]);
    }
  }
}

TEST_F(ConvertTest, AModelThatIsNotSaidIsAskedFor) {
  ConvertOptions options;
  options.source = Golden("megatron_llama.pt");
  options.target = At("x");
  const absl::Status status = Fail(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--model"));
}

TEST_F(ConvertTest, WrongRulesListWhatDoesNotFit) {
  ConvertOptions options;
  options.source = Golden("megatron_llama.pt");
  options.target = At("x");
  options.model = Golden("llama");
  EXPECT_THAT(std::string(Fail(options).message()),
              HasSubstr("decoder.final_layernorm.weight matches no rule"));
  options.rules = "megatron-gpt2";
  EXPECT_THAT(std::string(Fail(options).message()),
              HasSubstr("for models of family gpt2, not llama"));
  options.to = "hugging";
  EXPECT_EQ(Fail(options).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ConvertTest, DtypesChangeAndConfigJsonWithThem) {
  ConvertOptions options;
  options.source = Golden("gpt2");
  options.target = At("narrow");
  options.to = "hf";
  options.dtype = "bf16";
  Run(options);
  for (const auto& [name, tensor] : Weights(options.target)) {
    EXPECT_EQ(tensor.dtype, "BF16") << name;
  }
  EXPECT_THAT(*ReadFile(At("narrow/config.json")),
              HasSubstr("\"torch_dtype\": \"bfloat16\""));
}

TEST_F(ConvertTest, ATrainingMayStartFromAPeersCheckpointAsItIs) {
  for (const char* name : {"nanogpt.pt", "llmc_v3.bin", "gpt2_pickled"}) {
    auto source = OpenModelSource(Golden(name));
    ASSERT_TRUE(source.ok()) << source.status();
    ExpectWeights(Weights(Golden("gpt2")), *source->source);
  }
  EXPECT_THAT(
      std::string(OpenModelSource(Golden("state_2.pt")).status().message()),
      HasSubstr("perdure-ckpt convert --model"));
}

}  // namespace
}  // namespace perdure
