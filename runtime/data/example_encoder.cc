#include "runtime/data/example_encoder.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

absl::StatusOr<std::string> Render(const Template& text,
                                   const Example& example) {
  return text.Render(
      [&](absl::string_view field) { return example.Get(field); });
}

absl::StatusOr<Template> ParseTemplate(absl::string_view path,
                                       const std::string& text) {
  auto parsed = Template::Parse(text);
  if (!parsed.ok()) return Annotate(parsed.status(), path);
  return parsed;
}

int64_t CommonPrefix(const std::vector<int32_t>& a,
                     const std::vector<int32_t>& b) {
  const size_t n = std::min(a.size(), b.size());
  return std::mismatch(a.begin(), a.begin() + static_cast<int64_t>(n),
                       b.begin())
             .first -
         a.begin();
}

absl::Status BadExample(const Example& example, absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat(example.where(), ": ", what));
}

}  // namespace

absl::StatusOr<ExampleEncoder> ExampleEncoder::Create(
    const TaskConfig* task, const Tokenizer* tokenizer,
    int64_t sequence_length) {
  ExampleEncoder encoder;
  encoder.task_ = task;
  encoder.tokenizer_ = tokenizer;
  encoder.sequence_length_ = sequence_length;
  ASSIGN_OR_RETURN(encoder.prompt_,
                   ParseTemplate("task.prompt", task->prompt()));
  ASSIGN_OR_RETURN(encoder.completion_,
                   ParseTemplate("task.completion", task->completion()));
  RETURN_IF_ERROR(encoder.ChooseSpecialTokens());
  return encoder;
}

absl::Status ExampleEncoder::ChooseSpecialTokens() {
  if (!task_->has_add_bos() || task_->add_bos()) bos_ = tokenizer_->bos();
  if (task_->add_bos() && !bos_.has_value()) {
    // GPT-2's one special token stands at both ends of a document.
    bos_ = tokenizer_->eod();
  }
  if (task_->add_bos() && !bos_.has_value()) {
    return absl::InvalidArgumentError(
        "task.add_bos: the tokenizer has no start-of-text token; leave it out");
  }
  if (!task_->add_eod()) return absl::OkStatus();
  eod_ = tokenizer_->eod();
  if (eod_.has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "task.add_eod: the tokenizer has no end-of-document token; leave it out");
}

absl::StatusOr<std::optional<int32_t>> ExampleEncoder::Gold(
    const Example& example) const {
  if (task_->kind() != TaskConfig::CLASSIFICATION) return 0;
  ASSIGN_OR_RETURN(const absl::string_view value,
                   example.Get(task_->label_field()));
  for (int i = 0; i < task_->label_size(); ++i) {
    if (task_->label(i).value() == value) return i;
  }
  return std::nullopt;
}

absl::StatusOr<EncodedText> ExampleEncoder::Encode(const Example& example,
                                                   int32_t label) {
  ASSIGN_OR_RETURN(const std::string prompt, Render(prompt_, example));
  std::string rest;
  if (task_->kind() == TaskConfig::CLASSIFICATION) {
    rest = task_->label(label).word();
  } else {
    ASSIGN_OR_RETURN(rest, Render(completion_, example));
  }
  EncodedText text;
  ASSIGN_OR_RETURN(text.ids, tokenizer_->Encode(absl::StrCat(prompt, rest)));
  if (!prompt.empty()) {
    ASSIGN_OR_RETURN(const std::vector<int32_t> alone,
                     tokenizer_->Encode(prompt));
    text.counted = CommonPrefix(alone, text.ids);
  }
  if (eod_.has_value()) text.ids.push_back(*eod_);
  if (text.counted == static_cast<int64_t>(text.ids.size())) {
    return BadExample(example,
                      "nothing follows the prompt; leave the line out, or "
                      "correct the template");
  }
  if (bos_.has_value()) {
    text.ids.insert(text.ids.begin(), *bos_);
    ++text.counted;
  }
  if (text.counted == 0) {
    // Nothing predicts the first token of all.
    if (text.ids.size() == 1 || task_->kind() == TaskConfig::CLASSIFICATION) {
      return BadExample(example,
                        "there is no token before the first that counts; "
                        "leave the line out, or set task.add_bos");
    }
    text.counted = 1;
  }
  RETURN_IF_ERROR(Cut(example, &text));
  return text;
}

absl::Status ExampleEncoder::Cut(const Example& example, EncodedText* text) {
  const auto size = static_cast<int64_t>(text->ids.size());
  const int64_t excess = size - (sequence_length_ + 1);
  if (excess <= 0) return absl::OkStatus();
  // One token stays before those that count: BOS, or the prompt's last.
  const int64_t from_prompt = std::min(excess, text->counted - 1);
  if (from_prompt > 0) {
    const auto begin = text->ids.begin() + (bos_.has_value() ? 1 : 0);
    text->ids.erase(begin, begin + from_prompt);
    text->counted -= from_prompt;
    ++cut_prompts_;
  }
  if (from_prompt == excess) return absl::OkStatus();
  if (task_->kind() == TaskConfig::CLASSIFICATION) {
    return BadExample(example,
                      absl::StrCat("a label word of ", size - from_prompt - 1,
                                   " tokens does not fit into "
                                   "train.sequence_length = ",
                                   sequence_length_, "; make that longer"));
  }
  text->ids.resize(static_cast<size_t>(sequence_length_ + 1));
  ++cut_completions_;
  return absl::OkStatus();
}

}  // namespace perdure
