#ifndef PERDURE_RUNTIME_DATA_TOKENIZER_JSON_H_
#define PERDURE_RUNTIME_DATA_TOKENIZER_JSON_H_

// Hugging Face's tokenizer.json, as far as it describes a byte-level BPE with
// one of the word patterns of pretokenize.h, or a SentencePiece-like BPE with
// byte fallback (Llama 2, Mistral, TinyLlama).

#include <memory>

#include "runtime/data/tokenizer.h"

namespace perdure {

// FailedPrecondition names the part that is not supported.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizerJson(
    absl::string_view path);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_TOKENIZER_JSON_H_
