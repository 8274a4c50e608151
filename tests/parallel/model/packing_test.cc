// Texts that share the rows of a batch give the losses and the gradients that
// they give in rows of their own, and in batches of their own.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/comm/backends.h"
#include "runtime/data/example_dataset.h"
#include "runtime/kernels/elementwise.h"
#include "tests/parallel/model/golden_model.h"
#include "tests/support/scratch_directory.h"

namespace perdure {
namespace {

constexpr int64_t kLength = 26, kExamples = 9;

TaskConfig Task(const std::string& path) {
  TaskConfig task;
  task.set_kind(TaskConfig::CLASSIFICATION);
  task.add_test(path);
  task.add_column("text");
  task.add_column("class");
  task.set_prompt("{text}:");
  task.set_label_field("class");
  for (const auto& [value, word] :
       {std::pair<const char*, const char*>{"0", "good"},
        {"1", "b"},
        {"2", "so so"}}) {
    LabelWord* label = task.add_label();
    label->set_value(value);
    label->set_word(word);
  }
  return task;
}

// Texts of 1 to 17 characters, each with its three candidates.
Batch ReadTexts(bool packing) {
  const ScratchDirectory scratch;
  const std::string path = JoinPath(scratch.path(), "texts.tsv");
  std::string content;
  for (int i = 0; i < kExamples; ++i) {
    for (int c = 0; c < 1 + 5 * i % 17; ++c) {
      content += static_cast<char>('a' + (i + c * c) % 26);
    }
    content += "\t1\n";
  }
  EXPECT_TRUE(WriteFileAtomically(path, content).ok());
  const auto tokenizer = BuildCharTokenizer(": abcdefghijklmnopqrstuvwxyz");
  TaskConfig task = Task(path);
  task.set_packing(packing);
  const auto data =
      OpenExamples(task, **tokenizer, Split::kTest, kLength, 65, /*seed=*/1);
  EXPECT_TRUE(data.ok()) << data.status();
  Batch batch;
  EXPECT_TRUE((*data)->Read(0, kExamples, &batch).ok());
  return batch;
}

// Row `row` of a batch with a segment a row, as a batch that knows nothing of
// segments and padding.
Batch Alone(const Batch& all, int64_t row) {
  Batch batch;
  batch.batch = 1;
  batch.sequence = {row};
  for (int64_t i = row * all.tokens; i < (row + 1) * all.tokens; ++i) {
    if (all.segments[i] < 0) break;
    batch.ids.push_back(all.ids[i]);
    batch.targets.push_back(all.targets[i]);
    batch.weights.push_back(all.weights[i]);
    batch.positions.push_back(static_cast<int32_t>(batch.tokens++));
  }
  return batch;
}

struct Result {
  SequenceLosses losses;  // of all batches, one after the other
  std::vector<std::vector<float>> gradients;  // of each parameter
};

absl::StatusOr<Result> Backpropagate(const GoldenModel& model,
                                     const std::vector<Batch>& batches) {
  ModelRuntimeOptions options;
  options.with_gradients = true;
  for (const Batch& batch : batches) {
    options.max_rows = std::max(options.max_rows, batch.batch * batch.tokens);
  }
  const auto world = MakeLoopbackCommunicator();
  ASSIGN_OR_RETURN(const auto rank,
                   MakeGoldenRank(model, TopologyConfig(), options, *world));
  ModelRuntime& runtime = *rank->runtime;
  const auto& slots = runtime.layout().slots();
  for (const ParamSlot& slot : slots) {
    if (!slot.spec.trainable) continue;
    kernels::Fill(runtime.context().stream, 0, runtime.params().SlotGrad(slot),
                  slot.size);
  }
  StageActivations activations =
      runtime.stage().MakeActivations(/*for_training=*/true);
  Result result;
  for (const Batch& batch : batches) {
    MicroBatch micro = MakeMicroBatch(batch);
    micro.training = true;
    micro.accumulate = true;
    RETURN_IF_ERROR(runtime.stage().Forward(micro, &activations));
    RETURN_IF_ERROR(runtime.stage().Backward(micro, &activations));
    const SequenceLosses& some = activations.losses;
    result.losses.loss.insert(result.losses.loss.end(), some.loss.begin(),
                              some.loss.end());
    result.losses.weight.insert(result.losses.weight.end(), some.weight.begin(),
                                some.weight.end());
  }
  for (const ParamSlot& slot : slots) {
    if (!slot.spec.trainable) continue;
    const float* gradient = runtime.params().SlotGrad(slot);
    result.gradients.emplace_back(gradient, gradient + slot.size);
  }
  return result;
}

void ExpectEqual(const Result& want, const Result& got) {
  ASSERT_EQ(want.losses.weight, got.losses.weight);
  for (size_t i = 0; i < want.losses.loss.size(); ++i) {
    EXPECT_NEAR(want.losses.loss[i], got.losses.loss[i],
                1e-5 * want.losses.weight[i])
        << "segment " << i;
  }
  ASSERT_EQ(want.gradients.size(), got.gradients.size());
  for (size_t p = 0; p < want.gradients.size(); ++p) {
    EXPECT_LT(
        RelativeError(want.gradients[p], got.gradients[p], want.gradients[p]),
        2e-5)
        << "parameter " << p;
  }
}

class PackingTest : public testing::TestWithParam<const char*> {};

TEST_P(PackingTest, GivesTheLossesAndGradientsOfSeparateTexts) {
  const GoldenModel model(GetParam());
  const Batch dense = ReadTexts(true), wide = ReadTexts(false);
  ASSERT_EQ(wide.batch, 3 * kExamples);
  ASSERT_LT(dense.batch, 2 * kExamples);
  std::vector<Batch> alone;
  for (int64_t row = 0; row < wide.batch; ++row) {
    alone.push_back(Alone(wide, row));
  }
  const auto want = Backpropagate(model, alone);
  const auto unpacked = Backpropagate(model, {wide});
  const auto packed = Backpropagate(model, {dense});
  ASSERT_TRUE(want.ok() && unpacked.ok() && packed.ok());
  ASSERT_EQ(want->losses.loss.size(), 3u * kExamples);
  // "good" counts four, "b" one, "so so" five.
  EXPECT_EQ(want->losses.weight[0], 4);
  EXPECT_EQ(want->losses.weight[1], 1);
  EXPECT_EQ(want->losses.weight[2], 5);
  ExpectEqual(*want, *unpacked);
  ExpectEqual(*want, *packed);
}

// What the test above would not notice, it would not test.
TEST_P(PackingTest, WouldGiveOthersIfTextsSawEachOther) {
  const GoldenModel model(GetParam());
  const Batch dense = ReadTexts(true);
  Batch open = dense;
  open.first_visible.clear();
  const auto want = Backpropagate(model, {dense});
  const auto got = Backpropagate(model, {open});
  ASSERT_TRUE(want.ok() && got.ok());
  double largest = 0;
  for (size_t i = 0; i < want->losses.loss.size(); ++i) {
    largest =
        std::max(largest, std::abs(want->losses.loss[i] - got->losses.loss[i]));
  }
  EXPECT_GT(largest, 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Models, PackingTest,
                         testing::Values("gpt2_tied", "opt_tied",
                                         "llama_untied", "gpt2_tied_prefix",
                                         "llama_tied_prefix", "opt_tied_lora"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace perdure
