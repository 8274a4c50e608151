#ifndef PERDURE_RUNTIME_DATA_EXAMPLE_ENCODER_H_
#define PERDURE_RUNTIME_DATA_EXAMPLE_ENCODER_H_

// Examples as token ids, by the templates of a task.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/config/task.pb.h"
#include "runtime/config/template.h"
#include "runtime/data/example_file.h"
#include "runtime/data/tokenizer.h"

namespace perdure {

// A text of which the tokens from `counted` on are predicted, each from those
// before it. 1 <= counted < ids.size() <= T + 1, T the sequence length: the
// last token is only a target.
struct EncodedText {
  std::vector<int32_t> ids;
  int64_t counted = 0;
};

class ExampleEncoder {
 public:
  // `task` and `tokenizer` outlive the encoder. InvalidArgument: a template
  // that is none, or a special token that the tokenizer has not.
  static absl::StatusOr<ExampleEncoder> Create(const TaskConfig* task,
                                               const Tokenizer* tokenizer,
                                               int64_t sequence_length);

  // The number of the example's class among task.label; nullopt: it has no
  // label there. 0 for a language model.
  absl::StatusOr<std::optional<int32_t>> Gold(const Example& example) const;

  // The prompt with the label word of class `label`, or with the completion.
  // The prompt is encoded together with what follows; what counts are the
  // tokens after those that the prompt alone would have. Too long a text loses
  // the start of its prompt, never the start-of-text token; a completion that
  // is too long by itself loses its end. FailedPrecondition with file:line:
  // nothing to predict, or a label word that does not fit.
  absl::StatusOr<EncodedText> Encode(const Example& example, int32_t label);

  // Texts that were cut so far.
  int64_t cut_prompts() const { return cut_prompts_; }
  int64_t cut_completions() const { return cut_completions_; }

 private:
  ExampleEncoder() = default;
  absl::Status ChooseSpecialTokens();
  absl::Status Cut(const Example& example, EncodedText* text);

  const TaskConfig* task_ = nullptr;
  const Tokenizer* tokenizer_ = nullptr;
  int64_t sequence_length_ = 0;
  Template prompt_;
  Template completion_;
  std::optional<int32_t> bos_;
  std::optional<int32_t> eod_;
  int64_t cut_prompts_ = 0;
  int64_t cut_completions_ = 0;
};

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_EXAMPLE_ENCODER_H_
