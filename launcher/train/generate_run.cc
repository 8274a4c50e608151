#include "launcher/train/generate_run.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "launcher/train/model_setup.h"
#include "parallel/engine/generator.h"
#include "runtime/data/tokenizer.h"

namespace perdure {
namespace {

absl::StatusOr<std::vector<int32_t>> ParseIds(const std::string& text) {
  std::vector<int32_t> ids;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    int32_t id = 0;
    if (!absl::SimpleAtoi(part, &id)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--prompt_ids: '", part, "' is no number; give ids as 1,2,3"));
    }
    ids.push_back(id);
  }
  return ids;
}

// BOS is put before a text where the family's tokenizer does so.
absl::StatusOr<std::vector<int32_t>> PromptIds(
    const GenerateRequest& request,
    const absl::StatusOr<std::unique_ptr<Tokenizer>>& tokenizer) {
  if (!request.prompt_ids.empty()) return ParseIds(request.prompt_ids);
  if (!tokenizer.ok()) {
    return Annotate(tokenizer.status(),
                    "--prompt needs the model's tokenizer (or give "
                    "--prompt_ids)");
  }
  ASSIGN_OR_RETURN(std::vector<int32_t> ids,
                   (*tokenizer)->Encode(request.prompt));
  if ((*tokenizer)->bos().has_value()) {
    ids.insert(ids.begin(), *(*tokenizer)->bos());
  } else if (ids.empty() && (*tokenizer)->eod().has_value()) {
    // A text begins where another ended.
    ids.push_back(*(*tokenizer)->eod());
  }
  return ids;
}

// Prints what each new id adds to the text.
class TextPrinter {
 public:
  explicit TextPrinter(const Tokenizer* tokenizer) : tokenizer_(tokenizer) {}
  void Add(const std::vector<int32_t>& ids) {
    for (int32_t id : ids) ids_.push_back(id);
    const absl::StatusOr<std::string> text = tokenizer_->Decode(ids_);
    if (!text.ok() || text->size() < printed_) return;
    std::fwrite(text->data() + printed_, 1, text->size() - printed_, stdout);
    std::fflush(stdout);
    printed_ = text->size();
  }

 private:
  const Tokenizer* tokenizer_;
  std::vector<int32_t> ids_;
  size_t printed_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<int32_t>> GenerateRun(Communicator& world,
                                                 const GenerateRequest& request,
                                                 const RunConfig& given) {
  ASSIGN_OR_RETURN(const ModelSource source,
                   OpenInitialModel(world, request.model));
  ASSIGN_OR_RETURN(const Topology topology,
                   Topology::Create(given.topology(), world.size()));
  RunConfig complete = given;
  *complete.mutable_model() = source.model;
  ASSIGN_OR_RETURN(const RunConfig config,
                   FinishConfig(complete, topology, /*for_training=*/false));
  const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer =
      LoadTokenizer(source.directory);
  ASSIGN_OR_RETURN(const std::vector<int32_t> prompt,
                   PromptIds(request, tokenizer));
  ASSIGN_OR_RETURN(const ProcessGroups groups,
                   MakeProcessGroups(world, topology));

  const std::unique_ptr<Device> device =
      MakeCpuDevice(config.train().threads_per_rank());
  ModelRuntimeOptions model_options;
  model_options.dtype = ComputeDType(config.train());
  model_options.max_rows =
      std::max<int64_t>(1, static_cast<int64_t>(prompt.size()));
  ASSIGN_OR_RETURN(const std::unique_ptr<ModelRuntime> runtime,
                   ModelRuntime::Create(config.model(), model_options, &groups,
                                        device.get(), nullptr));
  RETURN_IF_ERROR(source.source->Read(runtime->WeightRequests()));

  GenerateOptions options;
  options.max_new_tokens = request.max_new_tokens;
  options.temperature = request.temperature;
  options.top_k = request.top_k;
  options.seed = request.seed;
  if (request.stop_at_end && tokenizer.ok()) {
    options.stop_token = (*tokenizer)->eod().value_or(-1);
  }
  const bool prints = world.rank() == 0;
  TextPrinter printer(tokenizer.ok() ? tokenizer->get() : nullptr);
  if (prints && tokenizer.ok()) {
    printer.Add(prompt);
    options.on_token = [&](int32_t id) { printer.Add({id}); };
  }
  Generator generator(runtime.get());
  ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                   generator.Generate(prompt, options));
  if (prints) {
    if (tokenizer.ok()) std::fputs("\n", stdout);
    if (request.print_ids || !tokenizer.ok()) {
      std::printf("%s\n", absl::StrJoin(ids, ",").c_str());
    }
    std::fflush(stdout);
  }
  return ids;
}

}  // namespace perdure
